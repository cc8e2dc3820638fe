//! Names as a growing table hashes and compares them.

use core::hash::{BuildHasher, Hasher};

use super::{LENGTHS, Repr, Text};

/// A name. A short one is three words, made once, and hashed and compared as such: what was written a moment ago in pieces of
/// one size is not read again in pieces of another, for which a processor would have to wait.
#[derive(Clone, Copy)]
pub(crate) struct Key<'a> {
    text: &'a [u8],
    /// Of a text of up to [`Text::INLINE`] bytes; see [`pack`].
    words: [u64; 3],
}

impl<'a> Key<'a> {
    #[inline]
    pub(crate) fn new(text: &'a str) -> Self {
        let text = text.as_bytes();
        Self { text, words: if text.len() <= Text::INLINE { pack(text) } else { [0; 3] } }
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
        let mut hasher = state.build_hasher();
        let near = match self.text.split_last() {
            Some((last, rest)) if !self.is_short() => {
                hasher.write(rest);
                hasher.write_u8(last & !NEAR);
                last & NEAR
            }
            last => {
                let far = FAR.get(self.text.len()).unwrap_or(&FAR[0]);
                let word = |at| u128::from(self.words[at] & far[at]);
                // In two steps, the second of which mixes what the first makes of names that differ in few bytes.
                hasher.write_u128(word(0) | word(1) << 64);
                hasher.write_u128(word(2));
                last.map_or(0, |(last, _)| last & NEAR)
            }
        };
        let hash = hasher.finish();
        (hash ^ hash >> 32) as u32 ^ u32::from(near) << 2
    }
}

/// The bits of its last byte in which a name differs from its neighbours.
const NEAR: u8 = 3;

/// All bits but these of the words of a name, by its length.
const FAR: [[u64; 3]; Text::INLINE + 1] = {
    let mut far = [[u64::MAX; 3]; Text::INLINE + 1];
    let mut len = 1;
    while len <= Text::INLINE {
        let last = len - 1;
        far[len][last / 8] = !((NEAR as u64) << (last % 8 * 8));
        len += 1;
    }
    far
};

/// The bytes of a short text, filled up with noughts, and its length in the last byte: two texts are the same if their words
/// are.
#[inline]
pub(super) fn pack(text: &[u8]) -> [u64; 3] {
    let len = text.len();
    // The last eight bytes, without those that are in the words before.
    let rest = |last: &[u8; 8], room: usize| {
        u64::from_le_bytes(*last).checked_shr(8 * (room - len) as u32).unwrap_or(0)
    };
    let (first, second, third) = match (text.first_chunk(), text.last_chunk()) {
        (Some(first), Some(last)) if len < 16 => (u64::from_le_bytes(*first), rest(last, 16), 0),
        (Some(first), Some(last)) => {
            let second = text[8..].first_chunk().map_or(0, |second| u64::from_le_bytes(*second));
            (u64::from_le_bytes(*first), second, rest(last, 24))
        }
        _ => (pack_few(text), 0, 0),
    };
    [first, second, third | (len as u64) << 56]
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

#[inline]
fn word(bytes: &[u8; Text::INLINE], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}

impl Text {
    /// A text of up to [`Text::INLINE`] bytes.
    #[inline]
    pub(super) fn inline(text: &[u8]) -> Option<Text> {
        let len = *LENGTHS.get(text.len())?;
        let words = pack(text);
        let mut bytes = [0; Text::INLINE];
        bytes[..8].copy_from_slice(&words[0].to_le_bytes());
        bytes[8..16].copy_from_slice(&words[1].to_le_bytes());
        bytes[16..].copy_from_slice(&words[2].to_le_bytes()[..7]);
        Some(Text(Repr::Inline { len, bytes }))
    }

    #[inline(always)]
    pub(crate) fn key(&self) -> Key<'_> {
        match &self.0 {
            Repr::Inline { len, bytes } => {
                let mut third = [0; 8];
                third[..7].copy_from_slice(&bytes[16..]);
                third[7] = *len as u8;
                let words = [word(bytes, 0), word(bytes, 8), u64::from_le_bytes(third)];
                Key { text: &bytes[..*len as usize], words }
            }
            Repr::Static(text) => Key::new(text),
            Repr::Shared(text) => Key::new(text),
        }
    }

    #[inline(always)]
    pub(crate) fn is(&self, key: &Key<'_>) -> bool {
        match &self.0 {
            Repr::Inline { len, bytes } => {
                let [first, second, third] = key.words;
                // The last seven bytes are the upper ones of the last eight.
                let own = word(bytes, Text::INLINE - 8) >> 8 | (*len as u64) << 56;
                let others = word(bytes, 0) ^ first | word(bytes, 8) ^ second | own ^ third;
                key.is_short() && others == 0
            }
            Repr::Static(text) => text.as_bytes() == key.text,
            Repr::Shared(text) => text.as_bytes() == key.text,
        }
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
        let hash = |name: &str| Key::new(name).hash(&BuildHasherDefault::<DefaultHasher>::new());
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
