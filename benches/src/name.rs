//! Names, built where they are needed, by the same code for all.

use std::fmt;

/// The name that was built last, in a buffer that is used again: what a caller with care does.
///
/// Who keeps a name makes their own of it (`to_owned` for a `String`): that is part of what they cost.
pub struct Name {
    text: String,
    digits: itoa::Buffer,
}

impl Name {
    /// Makes this the name of task `id`.
    #[inline]
    pub fn of(&mut self, id: u64) -> &Self {
        self.text.truncate(BEGIN.len());
        self.text.push_str(self.digits.format(id));
        self
    }

    /// The text, to be looked up.
    #[must_use]
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text as it is kept here, for what is made from a borrowed `String` without allocating one.
    #[must_use]
    #[inline]
    pub fn as_string(&self) -> &String {
        &self.text
    }

    /// A `String` to be kept: one allocation, of the right size.
    #[must_use]
    #[inline]
    pub fn to_owned(&self) -> String {
        self.text.as_str().to_owned()
    }
}

/// What all names begin with.
const BEGIN: &str = "receiver:";

impl Default for Name {
    fn default() -> Self {
        Self { text: BEGIN.to_owned(), digits: itoa::Buffer::new() }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}
