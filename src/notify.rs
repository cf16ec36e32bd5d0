//! Telling somebody how a run ended: a webhook gets it by POST, or a command on its standard input.
//!
//! What lives here: the sending, its time limits and its tries. What never does: what is told, and
//! to whom. A webhook's URL is often a secret in itself, so no message holds more of it than its
//! host.

pub mod command;
pub mod webhook;

use std::time::Duration;

/// How long and how often it is tried.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// The longest that one try may take.
    pub each: Duration,
    /// Tries in all; a command has one.
    pub tries: u32,
    /// Pause before the second; doubled before each that follows.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { each: Duration::from_secs(10), tries: 3, pause: Duration::from_secs(1) }
    }
}

/// Somebody was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Tries that it took.
    pub tries: u32,
    /// What a command printed.
    pub said: Option<String>,
}

/// Nobody could be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    /// Tries that were made.
    pub tries: u32,
    /// Why the last one failed, without secrets.
    pub why: String,
    /// What a command printed.
    pub said: Option<String>,
}
