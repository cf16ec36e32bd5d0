//! A job that waits for its turn.
//!
//! What never lives here: whose turn it is (that is `pools`).

use std::sync::Arc;

use crate::money::Micros;
use crate::plan::Request;

/// A job that waits, and how often it was tried in this run.
#[derive(Debug)]
pub struct Waiting {
    /// What is asked.
    pub request: Arc<Request>,
    /// The request's parts.
    pub parts: [u64; 4],
    /// What to reserve.
    pub reserve: Micros,
    /// Tries so far, beside those for which there was no room.
    pub tries: u32,
    /// Tries so far for which there was no room.
    pub crowded: u32,
}
