//! From names to places: a shard's index.
//!
//! Open addressing, one entry after the other: who looks for a name reads one line of cache, mostly, of which neighbours are not
//! far (see [`Key::hash`](crate::text::Key::hash)), and compares 32 bits of its hash before it looks at the slot. An entry knows its hash, so growing touches no slot; an entry that goes leaves no
//! mark behind, since those after it move up, so names that come and go cost the same for ever.

use alloc::vec::Vec;

/// What leads to a place.
#[derive(Clone, Copy)]
struct Entry {
    hash: u32,
    /// `FREE` where there is none.
    place: u32,
}

/// No slot has this place: chunks are numbered below it.
const FREE: u32 = u32::MAX;

const NOTHING: Entry = Entry { hash: 0, place: FREE };

/// The fewest entries there is room for, once there is any.
const LEAST: usize = 32;

/// Guarded by the shard's lock.
pub(super) struct Names {
    /// None, or a power of two, of which at least half are free.
    entries: Vec<Entry>,
    len: u32,
    /// With fewer than so many, memory is given back.
    few: u32,
}

/// Where an entry is, until the next change.
#[derive(Clone, Copy)]
pub(super) struct At(usize);

impl Names {
    pub(super) const fn new() -> Self {
        Self { entries: Vec::new(), len: 0, few: 0 }
    }

    /// The entries of this hash: mostly one, or none.
    #[inline(always)]
    pub(super) fn of(&self, hash: u32) -> impl Iterator<Item = (At, u32)> {
        let mask = self.entries.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        core::iter::from_fn(move || {
            // Ends at a free entry, of which there are some; or at once, where there are no entries.
            while let Some(entry) = self.entries.get(at).filter(|entry| entry.place != FREE) {
                let here = At(at);
                at = (at + 1) & mask;
                if entry.hash == hash {
                    return Some((here, entry.place));
                }
            }
            None
        })
    }

    /// The entry of this hash that leads to a place, as no other does.
    #[inline]
    pub(super) fn find(&self, hash: u32, place: u32) -> Option<At> {
        let mask = self.entries.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        loop {
            match self.entries.get(at)?.place {
                FREE => return None,
                led if led == place => return Some(At(at)),
                _ => at = (at + 1) & mask,
            }
        }
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.len as usize * 2 >= self.entries.len()
    }

    /// Where the first entry of this hash is, and to which place it leads; or where one would be added, if there is none yet. `None` if
    /// there is no room.
    #[inline]
    pub(super) fn entry(&self, hash: u32) -> Option<(At, Option<u32>)> {
        let mask = self.entries.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        loop {
            match self.entries.get(at)? {
                entry if entry.place == FREE => return (!self.is_full()).then_some((At(at), None)),
                entry if entry.hash == hash => return Some((At(at), Some(entry.place))),
                _ => at = (at + 1) & mask,
            }
        }
    }

    /// Puts an entry there, in place of the one of this hash if there is one.
    #[inline]
    pub(super) fn fill(&mut self, At(at): At, hash: u32, place: u32) {
        if let Some(entry) = self.entries.get_mut(at) {
            self.len += u32::from(entry.place == FREE);
            *entry = Entry { hash, place };
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    #[cfg(test)]
    fn place(&self, At(at): At) -> u32 {
        self.entries[at].place
    }

    /// Leads the name of an entry elsewhere.
    pub(super) fn lead(&mut self, At(at): At, place: u32) {
        self.entries[at].place = place;
    }

    /// Adds an entry for a name that has none. Room for `spare` entries is never given back.
    #[inline]
    pub(super) fn insert(&mut self, hash: u32, place: u32, spare: usize) {
        if self.is_full() {
            self.resize((self.entries.len() * 2).max(LEAST), spare);
        }
        self.put(Entry { hash, place });
        self.len += 1;
    }

    #[inline]
    fn put(&mut self, new: Entry) {
        let mask = self.entries.len().wrapping_sub(1);
        let mut at = new.hash as usize & mask;
        while let Some(entry) = self.entries.get_mut(at) {
            if entry.place == FREE {
                *entry = new;
                return;
            }
            at = (at + 1) & mask;
        }
    }

    /// Takes an entry out. Those after it that stand further from where they belong than the gap move up.
    // Inlined on purpose: see `Core::evict`.
    #[inline(always)]
    pub(super) fn remove(&mut self, At(mut gap): At) {
        let mask = self.entries.len().wrapping_sub(1);
        let mut at = gap;
        loop {
            at = (at + 1) & mask;
            let entry = self.entries[at];
            if entry.place == FREE {
                break;
            }
            let distance = |from: usize| at.wrapping_sub(from) & mask;
            if distance(entry.hash as usize & mask) >= distance(gap) {
                self.entries[gap] = entry;
                gap = at;
            }
        }
        self.entries[gap] = NOTHING;
        self.len -= 1;
    }

    /// Gives memory back once a burst is over; `spare` is as in `insert`.
    #[inline]
    pub(super) fn shrink(&mut self, spare: usize) {
        if self.len < self.few {
            self.resize(self.entries.len() / 4, spare);
        }
    }

    #[cold]
    fn resize(&mut self, room: usize, spare: usize) {
        let mut entries = Vec::new();
        entries.resize(room, NOTHING);
        let few = if room > 4 * spare.max(LEAST) { room / 8 } else { 0 };
        self.few = u32::try_from(few).unwrap_or(u32::MAX);
        for entry in core::mem::replace(&mut self.entries, entries) {
            if entry.place != FREE {
                self.put(entry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use super::Names;

    /// Hashes of which many want the same entry, and some the last one, so that rows of entries go round.
    fn hash(name: u32) -> u32 {
        match name % 4 {
            0 => u32::MAX,
            1 => u32::MAX - 1,
            2 => name / 16,
            _ => name.wrapping_mul(0x9E37_79B9),
        }
    }

    /// The names here have the places 2n and 2n + 1.
    fn find(names: &Names, name: u32) -> Option<super::At> {
        names.of(hash(name)).find(|(_, place)| place / 2 == name).map(|(at, _)| at)
    }

    #[test]
    fn an_entry_is_put_in_place_of_another_also_where_there_is_no_room_for_more() {
        let mut names = Names::new();
        let hash = |name: u32| name.wrapping_mul(0x9E37_79B9);
        for name in 0.. {
            names.insert(hash(name), name, 0);
            if names.is_full() {
                break;
            }
        }
        let len = names.len();
        assert!(names.entry(hash(1000)).is_none());
        let (at, place) = names.entry(hash(3)).unwrap();
        assert_eq!(place, Some(3));
        names.fill(at, hash(3), 2000);
        assert_eq!((names.entry(hash(3)).unwrap().1, names.len()), (Some(2000), len));
    }

    #[test]
    fn names_that_come_and_go_in_any_order_are_found_while_they_are_there() {
        let (mut names, mut model) = (Names::new(), BTreeMap::new());
        let mut random = 1u32;
        for step in 0..40_000u32 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Rises to some hundred, and falls to none, again and again.
            let falls = step / 500 % 2 == 1;
            let name = random >> 8 & 511;
            let found = find(&names, name);
            assert_eq!(found.map(|at| names.place(at)), model.get(&name).copied(), "step {step}");
            match found {
                None if !falls => {
                    names.insert(hash(name), 2 * name, 0);
                    model.insert(name, 2 * name);
                }
                Some(at) if falls => {
                    names.remove(at);
                    names.shrink(0);
                    model.remove(&name);
                }
                Some(at) => {
                    names.lead(at, 2 * name + 1);
                    model.insert(name, 2 * name + 1);
                }
                None => {}
            }
            assert_eq!(names.len(), model.len());
        }
        for name in 0..512 {
            let found = find(&names, name);
            assert_eq!(found.map(|at| names.place(at)), model.get(&name).copied());
        }
    }

    #[test]
    fn room_goes_back_when_a_burst_is_over_and_room_for_few_stays() {
        let mut names = Names::new();
        let find = |names: &Names, name: u32| names.find(name, name);
        (0..10_000).for_each(|name| names.insert(name, name, 512));
        let most = names.entries.len();
        for name in 0..10_000 {
            let at = find(&names, name).expect("it is there");
            names.remove(at);
            names.shrink(512);
        }
        assert_eq!((names.len, most), (0, 32_768));
        assert!((512..=2_048).contains(&names.entries.len()));
        assert!(find(&names, 1).is_none());
    }
}
