#[cfg(feature = "alloc")]
mod key;
#[cfg(feature = "alloc")]
mod owned;

use core::fmt::{self, Write as _};
use core::hash::{Hash, Hasher};

#[cfg(feature = "alloc")]
pub(crate) use key::Key;

#[cfg(feature = "alloc")]
use crate::arc::Arc;

/// A short text that does not change: a task's name, a reason, the message of a panic.
///
/// 24 bytes. Up to [`Text::INLINE`] bytes are kept in place, a `&'static str` is kept as it is, and anything longer is
/// shared, so that a clone never allocates. `format_args!` builds one without a `String` in between:
///
/// ```
/// use task_registry_core::Text;
/// let connection = 42;
/// let name = Text::from(format_args!("receiver:{connection}"));
/// assert_eq!(name, "receiver:42");
/// ```
///
/// `Display` never prints a line break: control and invisible characters come out escaped, and a very long text is
/// cut (law 20). [`as_str`](Text::as_str) has all of it as it was given.
#[derive(Clone)]
pub struct Text(Repr);

#[derive(Clone)]
enum Repr {
    #[cfg(feature = "alloc")]
    Inline {
        len: InlineLen,
        bytes: [u8; Text::INLINE],
    },
    Static(&'static str),
    #[cfg(feature = "alloc")]
    Shared(Arc<str>),
}

/// A length of at most 23 as an enum: its unused values give `Repr` the niche that keeps it at 24 bytes.
#[cfg(feature = "alloc")]
#[derive(Clone, Copy)]
#[repr(u8)]
#[rustfmt::skip]
enum InlineLen {
    L0, L1, L2, L3, L4, L5, L6, L7, L8, L9, L10, L11, L12, L13, L14, L15, L16, L17, L18, L19, L20, L21, L22, L23,
}

#[cfg(feature = "alloc")]
const LENGTHS: [InlineLen; Text::INLINE + 1] = {
    use InlineLen::*;
    [
        L0, L1, L2, L3, L4, L5, L6, L7, L8, L9, L10, L11, L12, L13, L14, L15, L16, L17, L18, L19,
        L20, L21, L22, L23,
    ]
};

#[cfg(feature = "alloc")]
const _: () = assert!(size_of::<Text>() == 24 || size_of::<usize>() != 8);

impl Text {
    /// How many bytes a text may have to be kept without an allocation.
    pub const INLINE: usize = 23;

    /// How many characters `Display` prints before it cuts.
    const SHOWN: usize = 100;

    /// Where there is an allocator this one alone is empty: so one byte says whether a text is.
    #[cfg(feature = "alloc")]
    pub(crate) const EMPTY: Text =
        Text(Repr::Inline { len: InlineLen::L0, bytes: [0; Text::INLINE] });
    #[cfg(not(feature = "alloc"))]
    pub(crate) const EMPTY: Text = Text(Repr::Static(""));

    /// The whole text. O(1), but for inline ones a validation of at most 23 bytes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            #[cfg(feature = "alloc")]
            Repr::Inline { len, bytes } => {
                core::str::from_utf8(&bytes[..*len as usize]).unwrap_or_default()
            }
            Repr::Static(text) => text,
            #[cfg(feature = "alloc")]
            Repr::Shared(text) => text,
        }
    }

    /// The bytes, without the validation that `as_str` may cost.
    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            #[cfg(feature = "alloc")]
            Repr::Inline { len, bytes } => &bytes[..*len as usize],
            Repr::Static(text) => text.as_bytes(),
            #[cfg(feature = "alloc")]
            Repr::Shared(text) => text.as_bytes(),
        }
    }

    /// Whether dropping it does anything.
    #[cfg(feature = "alloc")]
    #[inline]
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.0, Repr::Shared(_))
    }

    /// Whether there is no text at all.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        #[cfg(feature = "alloc")]
        return matches!(self.0, Repr::Inline { len: InlineLen::L0, .. });
        #[cfg(not(feature = "alloc"))]
        self.as_bytes().is_empty()
    }
}

impl From<&'static str> for Text {
    #[inline]
    fn from(text: &'static str) -> Self {
        if text.is_empty() { Self::EMPTY } else { Text(Repr::Static(text)) }
    }
}

impl From<&Text> for Text {
    fn from(text: &Text) -> Self {
        text.clone()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl core::ops::Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Text {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    #[inline]
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    #[inline]
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(self.as_str()).fmt(f)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Prints a text on one line, bounded and padded, whatever is in it.
struct Shown<'a>(&'a str);

impl Shown<'_> {
    fn chars(&self) -> impl Iterator<Item = char> {
        let cut = self.0.char_indices().nth(Text::SHOWN).map(|(index, _)| index);
        let (shown, rest) = match cut {
            Some(index) => (&self.0[..index], Some('…')),
            None => (self.0, None),
        };
        let shown = shown.chars().flat_map(|char| {
            let plain = matches!(char, '\'' | '"').then_some(char);
            let escaped = plain.is_none().then(|| char.escape_debug());
            plain.into_iter().chain(escaped.into_iter().flatten())
        });
        shown.chain(rest)
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As `Formatter::pad`, which needs the whole text in one piece.
        let most = f.precision().unwrap_or(usize::MAX);
        let width = self.chars().take(most).count();
        let room = f.width().unwrap_or(0).saturating_sub(width);
        let before = match f.align() {
            Some(fmt::Alignment::Right) => room,
            Some(fmt::Alignment::Center) => room / 2,
            _ => 0,
        };
        let fill = f.fill();
        (0..before).try_for_each(|_| f.write_char(fill))?;
        self.chars().take(most).try_for_each(|char| f.write_char(char))?;
        (before..room).try_for_each(|_| f.write_char(fill))
    }
}
