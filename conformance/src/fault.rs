use std::fmt;

/// What is wrong, and which law it breaks.
///
/// Displayed as `law 2: the future was polled after it had completed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    law: Option<u8>,
    why: String,
}

/// How a case went.
pub type Verdict = Result<(), Fault>;

impl Fault {
    pub(crate) fn new(law: impl Into<Option<u8>>, why: impl Into<String>) -> Self {
        Self { law: law.into(), why: why.into() }
    }

    /// The number of the law. `None` under load, where any may have been broken.
    #[must_use]
    pub fn law(&self) -> Option<u8> {
        self.law
    }

    /// The fault, in words.
    #[must_use]
    pub fn why(&self) -> &str {
        &self.why
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.law {
            Some(law) => write!(f, "law {law}: {}", self.why),
            None => write!(f, "under load: {}", self.why),
        }
    }
}

impl std::error::Error for Fault {}
