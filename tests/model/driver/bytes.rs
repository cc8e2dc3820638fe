//! A program is a string of bytes: whoever has a choice takes the next one.

/// What is left of a program. Once it is over every choice is the first one, which does the least: so any string is a
/// program, and so is any part of one. The shrinker relies on that.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bytes {
    program: Vec<u8>,
    at: usize,
}

impl Bytes {
    pub(crate) fn new(program: &[u8]) -> Self {
        Self { program: program.to_vec(), at: 0 }
    }

    /// One of so many.
    pub(crate) fn pick(&mut self, of: usize) -> usize {
        let Some(byte) = self.program.get(self.at).filter(|_| of > 1) else { return 0 };
        self.at += 1;
        usize::from(*byte) % of
    }

    pub(crate) fn is_over(&self) -> bool {
        self.at >= self.program.len()
    }
}
