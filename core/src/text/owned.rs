//! Texts that need an allocator, or may.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt::{self, Write as _};

use super::{LENGTHS, Repr, Text};
use crate::arc::Arc;

impl Text {
    /// The longest message of a panic or an error that a record keeps.
    const MESSAGE: usize = 256;

    #[inline]
    fn new(text: &str) -> Option<Text> {
        Text::inline(text.as_bytes())
    }

    /// A text that is not kept inline. A call of its own: a short one then needs none of what an allocation does.
    #[cold]
    fn long(text: &str) -> Text {
        Text(Repr::Shared(text.into()))
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
        Text::new(&text[..end]).unwrap_or_else(|| Text::long(&text[..end]))
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
        Text::new(text).unwrap_or_else(|| Text::long(text))
    }
}

impl From<Box<str>> for Text {
    fn from(text: Box<str>) -> Self {
        Text::new(&text).unwrap_or_else(|| Text(Repr::Shared(text.into())))
    }
}

impl From<Arc<str>> for Text {
    fn from(text: Arc<str>) -> Self {
        if text.is_empty() { Self::EMPTY } else { Text(Repr::Shared(text)) }
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
