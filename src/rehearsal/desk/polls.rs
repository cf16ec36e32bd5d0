//! Faults of polls and of lists: which of them strikes what.

use jiff::Timestamp;

use super::Desk;
use crate::rehearsal::faults::FaultKind;
use crate::rehearsal::job::Job;
use crate::rehearsal::routes::{JobAt, Shared, Step, Target};

/// What a gateway shows when the server behind it is away.
pub(super) const PAGE_FOR_PEOPLE: &str =
    "<!doctype html><html><body><h1>We'll be right back</h1></body></html>";

/// Polls of a job that may be struck; after that, even a job whose every poll is struck ends.
const STRUCK_POLLS: u64 = 6;

/// Milliseconds after which a submission that is listed late stands in the list, at usual speed.
const LISTED_AFTER_MS: f64 = 10_000.0;

impl Desk {
    /// The fault that strikes a request, if it is a poll: the n-th poll of a job meets the same one
    /// whenever it comes.
    pub(super) fn poll_fault(&self, target: &Target) -> Option<FaultKind> {
        let number = match target {
            Target::Job(at, steps) if steps.first() == Some(&Step::Poll) => {
                let mut books = self.books();
                let job = books.jobs.get_mut(*at)?;
                job.polls += 1;
                let of_job = u64::try_from(*at).ok()?;
                (job.polls <= STRUCK_POLLS).then_some(of_job * STRUCK_POLLS + job.polls)?
            }
            Target::Shared(Shared::Poll | Shared::Batch(_), _) => {
                let mut books = self.books();
                books.shared_polls += 1;
                // One in four always gets through.
                (!books.shared_polls.is_multiple_of(4)).then_some(u64::MAX - books.shared_polls)?
            }
            _ => return None,
        };
        FaultKind::OF_POLLS.into_iter().find(|kind| self.dice.strikes(*kind, number))
    }

    /// Whether a job stands in the list already.
    pub(super) fn is_listed(&self, job: &Job, at: JobAt, now: Timestamp) -> bool {
        let proves = self.card.lookup.as_ref().is_some_and(|lookup| lookup.conclusive);
        if proves || !self.dice.strikes(FaultKind::StaleList, at as u64) {
            return true;
        }
        let age = now.as_millisecond() - job.accepted.as_millisecond();
        // Ages are far below what a double holds exactly.
        age as f64 >= LISTED_AFTER_MS / self.speed
    }
}
