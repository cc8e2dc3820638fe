use core::fmt;

/// What tells one task from every other one of this process: the registry it is in, its place there, and how often
/// that place was used before.
///
/// Ids are never reused (law 7): a place whose 32-bit generation would wrap is retired. Registries are numbered, too: those of one
/// process that makes more than 2³¹ of them share numbers with others. An id keeps nothing alive
/// and can be copied, hashed, compared and sent anywhere; `by_id` of another registry does not find it.
///
/// `Display` prints `registry.place.generation`, for example `1.42.0`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    pub(crate) registry: u32,
    pub(crate) place: u32,
    pub(crate) generation: u32,
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.registry, self.place, self.generation)
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskId({self})")
    }
}
