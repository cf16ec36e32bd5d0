//! Why a picture could not be fetched, in words for whoever has the feed.

use std::time::Duration;

/// Why a picture could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Stable, for programs: `fetch::gone`.
    pub code: &'static str,
    /// Completes "`URL` …": a verb first, no full stop.
    pub message: String,
    /// What to do.
    pub help: &'static str,
}

impl Problem {
    pub(super) fn new(code: &'static str, message: impl Into<String>, help: &'static str) -> Self {
        Problem { code, message: message.into(), help }
    }
}

/// What a try came to that gave no picture.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Another try would go no better.
    ForGood(Problem),
    /// Another try may go better, once a while has passed.
    ForNow {
        /// What is said if none does.
        problem: Problem,
        /// How long the server asks to wait.
        wait: Option<Duration>,
        /// Whether the host itself could not be reached, so that its other pictures can't be either.
        host: bool,
    },
}

impl Trouble {
    pub(super) fn for_now(problem: Problem) -> Self {
        Trouble::ForNow { problem, wait: None, host: false }
    }
}

/// A size for people.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}
