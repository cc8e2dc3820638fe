use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt::{self, Write as _};
use core::hash::{Hash, Hasher};

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
    Inline { len: InlineLen, bytes: [u8; Text::INLINE] },
    Static(&'static str),
    Shared(Arc<str>),
}

/// A length of at most 23 as an enum: its unused values give `Repr` the niche that keeps it at 24 bytes.
#[derive(Clone, Copy)]
#[repr(u8)]
#[rustfmt::skip]
enum InlineLen {
    L0, L1, L2, L3, L4, L5, L6, L7, L8, L9, L10, L11, L12, L13, L14, L15, L16, L17, L18, L19, L20, L21, L22, L23,
}

const LENGTHS: [InlineLen; Text::INLINE + 1] = {
    use InlineLen::*;
    [
        L0, L1, L2, L3, L4, L5, L6, L7, L8, L9, L10, L11, L12, L13, L14, L15, L16, L17, L18, L19,
        L20, L21, L22, L23,
    ]
};

const _: () = assert!(size_of::<Text>() == 24 || size_of::<usize>() != 8);

impl Text {
    /// How many bytes a text may have to be kept without an allocation.
    pub const INLINE: usize = 23;

    /// How many characters `Display` prints before it cuts.
    const SHOWN: usize = 100;

    /// The longest message of a panic or an error that a record keeps.
    const MESSAGE: usize = 256;

    pub(crate) const EMPTY: Text = Text(Repr::Static(""));

    fn new(text: &str) -> Option<Text> {
        let len = *LENGTHS.get(text.len())?;
        let mut bytes = [0; Text::INLINE];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Some(Text(Repr::Inline { len, bytes }))
    }

    /// The whole text. O(1), but for inline ones a validation of at most 23 bytes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Inline { len, bytes } => {
                core::str::from_utf8(&bytes[..*len as usize]).unwrap_or_default()
            }
            Repr::Static(text) => text,
            Repr::Shared(text) => text,
        }
    }

    /// The bytes, without the validation that `as_str` may cost.
    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => &bytes[..*len as usize],
            Repr::Static(text) => text.as_bytes(),
            Repr::Shared(text) => text.as_bytes(),
        }
    }

    /// Whether there is no text at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }

    /// What `value` displays, bounded. No more than that is ever collected.
    pub(crate) fn displayed(value: &impl fmt::Display) -> Text {
        struct Bounded(String);
        impl fmt::Write for Bounded {
            fn write_str(&mut self, part: &str) -> fmt::Result {
                let mut end = part.len().min(Text::MESSAGE - self.0.len());
                while !part.is_char_boundary(end) {
                    end -= 1;
                }
                self.0.push_str(&part[..end]);
                if end < part.len() { Err(fmt::Error) } else { Ok(()) }
            }
        }
        let mut text = Bounded(String::new());
        // It fails once there is enough.
        let _ = write!(text, "{value}");
        Text::bounded(&text.0)
    }

    /// The first `MESSAGE` bytes of `text`, cut between characters.
    pub(crate) fn bounded(text: &str) -> Text {
        let mut end = text.len().min(Text::MESSAGE);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Text::new(&text[..end]).unwrap_or_else(|| Text(Repr::Shared(text[..end].into())))
    }
}

impl From<&'static str> for Text {
    #[inline]
    fn from(text: &'static str) -> Self {
        Text(Repr::Static(text))
    }
}

impl From<String> for Text {
    #[inline]
    fn from(text: String) -> Self {
        Text::new(&text).unwrap_or_else(|| Text(Repr::Shared(text.into())))
    }
}

impl From<&String> for Text {
    #[inline]
    fn from(text: &String) -> Self {
        Text::new(text).unwrap_or_else(|| Text(Repr::Shared(text.as_str().into())))
    }
}

impl From<Box<str>> for Text {
    fn from(text: Box<str>) -> Self {
        Text::new(&text).unwrap_or_else(|| Text(Repr::Shared(text.into())))
    }
}

impl From<Arc<str>> for Text {
    fn from(text: Arc<str>) -> Self {
        Text(Repr::Shared(text))
    }
}

impl From<Cow<'static, str>> for Text {
    fn from(text: Cow<'static, str>) -> Self {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

impl From<&Text> for Text {
    fn from(text: &Text) -> Self {
        text.clone()
    }
}

impl From<u64> for Text {
    fn from(number: u64) -> Self {
        format_args!("{number}").into()
    }
}

impl From<fmt::Arguments<'_>> for Text {
    fn from(arguments: fmt::Arguments<'_>) -> Self {
        if let Some(text) = arguments.as_str() {
            return text.into();
        }
        let mut buffer = Buffer::Inline { len: 0, bytes: [0; Text::INLINE] };
        // A `Display` that fails half-way leaves the text it has written, as `println!` would.
        let _ = buffer.write_fmt(arguments);
        match buffer {
            Buffer::Inline { len, bytes } => Text(Repr::Inline { len: LENGTHS[len], bytes }),
            Buffer::Heap(text) => text.into(),
        }
    }
}

/// Collects formatted text in place, and on the heap from where it no longer fits.
enum Buffer {
    Inline { len: usize, bytes: [u8; Text::INLINE] },
    Heap(String),
}

impl fmt::Write for Buffer {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        match self {
            Buffer::Inline { len, bytes } => {
                if let Some(room) = bytes.get_mut(*len..*len + part.len()) {
                    room.copy_from_slice(part.as_bytes());
                    *len += part.len();
                } else {
                    let mut text =
                        String::from(core::str::from_utf8(&bytes[..*len]).unwrap_or_default());
                    text.push_str(part);
                    *self = Buffer::Heap(text);
                }
            }
            Buffer::Heap(text) => text.push_str(part),
        }
        Ok(())
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
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
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

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = String::new();
        for (index, char) in self.0.chars().enumerate() {
            if index == Text::SHOWN {
                shown.push('…');
                break;
            }
            match char {
                '\'' | '"' => shown.push(char),
                _ => shown.extend(char.escape_debug()),
            }
        }
        f.pad(&shown)
    }
}
