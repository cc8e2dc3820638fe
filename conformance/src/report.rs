use std::fmt;

use crate::fault::{Fault, Verdict};

/// How the cases went on one executor.
///
/// Displayed as a line for each case that failed, with the law that it breaks, and a summary, which says how many cases were
/// skipped, and why, when failures took too long ([`Harness::LIMIT`](crate::Harness::LIMIT)).
#[derive(Clone, Debug)]
#[must_use = "a report says whether the executor conforms"]
pub struct Report {
    pub(crate) harness: &'static str,
    pub(crate) cases: Vec<CaseReport>,
    /// How many cases were not run, and why.
    pub(crate) skipped: Option<(usize, String)>,
    pub(crate) left_out: Vec<&'static str>,
}

/// How one case went.
#[derive(Clone, Debug)]
pub struct CaseReport {
    pub(crate) name: &'static str,
    pub(crate) verdict: Verdict,
}

impl CaseReport {
    /// The case's name, which is that of a function in [`cases`](crate::cases).
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What is wrong, if anything.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        self.verdict.as_ref().err()
    }
}

impl Report {
    /// Whether no case failed, and none was skipped.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.failures().next().is_none() && self.skipped.is_none()
    }

    /// Every case that was run.
    #[must_use]
    pub fn cases(&self) -> &[CaseReport] {
        &self.cases
    }

    /// The cases that failed, and why.
    pub fn failures(&self) -> impl Iterator<Item = (&'static str, &Fault)> {
        self.cases.iter().filter_map(|case| Some((case.name, case.fault()?)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, fault) in self.failures() {
            writeln!(f, "FAILED {name}\n       {fault}")?;
        }
        let (all, failed) = (self.cases.len(), self.failures().count());
        write!(f, "{}: {} of {all} cases hold", self.harness, all - failed)?;
        if let Some((skipped, why)) = &self.skipped {
            let all = all + skipped;
            write!(f, "\nskipped: {skipped} of {all} cases, which may hold or not: {why}")?;
        }
        for why in &self.left_out {
            write!(f, "\nleft out: {why}")?;
        }
        Ok(())
    }
}
