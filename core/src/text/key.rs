//! Names as a growing table hashes and compares them.

use core::hash::{BuildHasher, Hasher};

use super::{LENGTHS, Repr, Text};

/// A name. A short one is three words, made once, and hashed and compared as such: what was written a moment ago in pieces of
/// one size is not read again in pieces of another, for which a processor would have to wait.
#[derive(Clone, Copy)]
pub(crate) struct Key<'a> {
    text: &'a [u8],
    short: Short,
}

/// A text of up to [`Text::INLINE`] bytes.
#[derive(Clone, Copy)]
struct Short {
    /// Its bytes, filled up with noughts, and its length in the last byte: two texts are the same if their words are.
    words: [u64; 3],
    /// The same without `near`.
    far: [u64; 3],
    /// The bits of its last byte in which it differs from its neighbours: see [`Key::hash`].
    near: u32,
}

/// Which bits of the last byte these are.
const NEAR: u64 = 3;

impl<'a> Key<'a> {
    #[inline(always)]
    pub(crate) fn new(text: &'a str) -> Self {
        let text = text.as_bytes();
        Self { text, short: if text.len() <= Text::INLINE { pack(text) } else { Short::NONE } }
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &'a [u8] {
        self.text
    }

    #[inline]
    fn is_short(&self) -> bool {
        self.text.len() <= Text::INLINE
    }

    /// 32 bits. Those of neighbours differ in two bits alone, the third and fourth, so that an index has them close together: who
    /// asks for one after the other, as those do who number their names, does not wait for memory each time.
    ///
    /// No more than four names are neighbours, and the rest is hashed with a key, so nobody can choose names that crowd a place.
    #[inline(always)]
    pub(crate) fn hash(&self, state: &impl BuildHasher) -> u32 {
        let (hash, near) = if self.is_short() {
            let [first, second, third] = self.short.far.map(u128::from);
            let mut hasher = state.build_hasher();
            // In two steps, the second of which mixes what the first makes of names that differ in few bytes.
            hasher.write_u128(first | second << 64);
            hasher.write_u128(third);
            (hasher.finish(), self.short.near)
        } else {
            hash_long(self.text, state)
        };
        (hash ^ hash >> 32) as u32 ^ near << 2
    }
}

// Not compiled into a look-up, and not given a key, which else would be written to memory for it.
#[inline(never)]
fn hash_long(text: &[u8], state: &impl BuildHasher) -> (u64, u32) {
    let mut hasher = state.build_hasher();
    let Some((last, rest)) = text.split_last() else { return (hasher.finish(), 0) };
    hasher.write(rest);
    hasher.write_u8(last & !(NEAR as u8));
    (hasher.finish(), u32::from(last & NEAR as u8))
}

impl Short {
    const NONE: Self = Self { words: [0; 3], far: [0; 3], near: 0 };
}

/// The words of a text of up to [`Text::INLINE`] bytes.
#[inline(always)]
fn pack(text: &[u8]) -> Short {
    let len = text.len();
    let len_at_end = (len as u64) << 56;
    let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) else {
        let word = pack_few(text);
        let last_at = 8 * len.saturating_sub(1);
        return Short {
            words: [word, 0, len_at_end],
            far: [word & !(NEAR << last_at), 0, len_at_end],
            near: (word >> last_at & NEAR) as u32,
        };
    };
    let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
    let far = last & !(NEAR << 56);
    let near = (last >> 56 & NEAR) as u32;
    // The last eight bytes, without those that are in the words before.
    let rest = |last: u64, room: usize| last >> (8 * (room - len));
    let (words, far) = if len > 16 {
        let second = text[8..].first_chunk().map_or(0, |second| u64::from_le_bytes(*second));
        ([first, second, rest(last, 24)], [first, second, rest(far, 24)])
    } else if len == 16 {
        ([first, last, 0], [first, far, 0])
    } else if len > 8 {
        ([first, rest(last, 16), 0], [first, rest(far, 16), 0])
    } else {
        ([first, 0, 0], [far, 0, 0])
    };
    let with_len = |[first, second, third]: [u64; 3]| [first, second, third | len_at_end];
    Short { words: with_len(words), far: with_len(far), near }
}

/// Up to seven bytes.
#[inline]
fn pack_few(text: &[u8]) -> u64 {
    match (text.first_chunk(), text.last_chunk()) {
        (Some(first), Some(last)) => {
            let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
            u64::from(first) | u64::from(last) << (8 * (text.len() - 4))
        }
        _ => text.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// All bits but the near ones of the words of a text, by its length.
const FAR: [[u64; 3]; Text::INLINE + 1] = {
    let mut far = [[u64::MAX; 3]; Text::INLINE + 1];
    let mut len = 1;
    while len <= Text::INLINE {
        let last = len - 1;
        far[len][last / 8] = !(NEAR << (last % 8 * 8));
        len += 1;
    }
    far
};

#[inline]
fn word(bytes: &[u8; Text::INLINE], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}

impl Text {
    /// A text of up to [`Text::INLINE`] bytes.
    #[inline]
    pub(super) fn inline(text: &[u8]) -> Option<Text> {
        let len = *LENGTHS.get(text.len())?;
        let Short { words, .. } = pack(text);
        let mut bytes = [0; Text::INLINE];
        bytes[..8].copy_from_slice(&words[0].to_le_bytes());
        bytes[8..16].copy_from_slice(&words[1].to_le_bytes());
        bytes[16..].copy_from_slice(&words[2].to_le_bytes()[..7]);
        Some(Text(Repr::Inline { len, bytes }))
    }

    #[inline(always)]
    pub(crate) fn key(&self) -> Key<'_> {
        if let Repr::Inline { len, bytes } = &self.0 {
            let mut third = [0; 8];
            third[..7].copy_from_slice(&bytes[16..]);
            third[7] = *len as u8;
            let words = [word(bytes, 0), word(bytes, 8), u64::from_le_bytes(third)];
            let text = &bytes[..*len as usize];
            let mask = FAR[*len as usize];
            let far = [words[0] & mask[0], words[1] & mask[1], words[2] & mask[2]];
            let near = text.last().map_or(0, |last| u32::from(*last) & NEAR as u32);
            return Key { text, short: Short { words, far, near } };
        }
        Key::new(self.as_str())
    }

    #[inline(always)]
    pub(crate) fn is(&self, key: &Key<'_>) -> bool {
        match &self.0 {
            Repr::Inline { len, bytes } => {
                let [first, second, third] = key.short.words;
                // The last seven bytes are the upper ones of the last eight.
                let own = word(bytes, Text::INLINE - 8) >> 8 | (*len as u64) << 56;
                let others = word(bytes, 0) ^ first | word(bytes, 8) ^ second | own ^ third;
                key.is_short() && others == 0
            }
            _ => self.is_all_of(key.text),
        }
    }

    /// The same, of a text that is not kept inline.
    // As `hash_long`.
    #[inline(never)]
    fn is_all_of(&self, text: &[u8]) -> bool {
        self.as_bytes() == text
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;
    use alloc::string::String;

    use core::hash::BuildHasherDefault;
    use std::hash::DefaultHasher;

    use super::{Key, Text};

    #[test]
    fn a_name_of_any_length_is_itself_and_no_other() {
        let all: String = ('a'..='z').chain('A'..='Z').collect();
        let names = || (0..all.len()).flat_map(|end| [(0, end), (1, end.max(1))]);
        for (from, to) in names() {
            let own = &all[from..to];
            let (owned, formatted) =
                (Text::from(own.to_owned()), Text::from(format_args!("{own}")));
            assert_eq!(owned, own);
            for (from, to) in names() {
                let other = &all[from..to];
                let key = Key::new(other);
                assert_eq!(owned.is(&key), own == other, "{own} {other}");
                assert_eq!(formatted.is(&key), own == other, "{own} {other}");
            }
        }
        assert!(!Text::from("a").is(&Key::new("a\0")) && Text::from("a\0").is(&Key::new("a\0")));
    }

    #[test]
    fn neighbours_differ_in_two_bits_of_their_hash_and_others_in_any() {
        let hash = |name: &str| {
            let state = BuildHasherDefault::<DefaultHasher>::new();
            let hash = Key::new(name).hash(&state);
            assert_eq!(Text::from(name.to_owned()).key().hash(&state), hash, "as it is kept");
            hash
        };
        for len in 0..40 {
            let begin: String = ('a'..='z').cycle().take(len).collect();
            let of = |last: char| hash(&alloc::format!("{begin}{last}"));
            for (first, row) in [('0', "0123"), ('4', "4567"), ('8', "89:;")] {
                for (near, last) in row.chars().enumerate() {
                    assert_eq!(of(last) ^ of(first), (near as u32) << 2, "{begin}{last}");
                }
            }
            let others = ['0', '4', '8', 'x'].map(|last| of(last) & !0b1100);
            let others = others.into_iter().chain([hash(&begin) & !0b1100]);
            assert_eq!(others.collect::<alloc::collections::BTreeSet<_>>().len(), 5, "{begin}");
        }
    }
}
