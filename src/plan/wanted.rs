//! Pictures that have URLs, as a plan uses them: which ones its jobs would send, and what is said
//! where some are not fetched yet.
//!
//! What never lives here: fetching; which files are here (the picture table knows).

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::access::Access;
use super::planner::Planner;
use super::select::Narrowing;
use crate::diagnostic::{Finding, Findings, Place, Severity};
use crate::ledger::KnownJobs;
use crate::manifest::{Catalogue, Missing};
use crate::media::PictureId;
use crate::models::Shelf;

/// Pictures that jobs wait for.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pictures: BTreeSet<PictureId>,
    /// The first job's subject, and where its picture is written.
    first: Option<(PictureId, String, Place)>,
    /// How many jobs wait.
    pub jobs: u64,
}

impl Waiting {
    /// One picture of a job that waits.
    pub fn add(&mut self, picture: PictureId, who: &str, place: Place) {
        self.pictures.insert(picture);
        self.first.get_or_insert_with(|| (picture, who.to_owned(), place));
    }

    /// Adds those of the part of the plan that comes next.
    pub fn merge(&mut self, next: Waiting) {
        self.pictures.extend(next.pictures);
        self.first = self.first.take().or(next.first);
        self.jobs += next.jobs;
    }

    /// Whether no job waits.
    pub fn is_empty(&self) -> bool {
        self.pictures.is_empty()
    }

    /// The one finding about all of them.
    pub fn finding(&self, what: Missing, catalogue: &Catalogue, manifest: &str) -> Option<Finding> {
        let (picture, who, place) = self.first.as_ref()?;
        let (url, n) = (catalogue.pictures.get(*picture).name(), self.pictures.len());
        let many = if n == 1 { "1 picture is" } else { &format!("{n} pictures are") };
        let jobs = if self.jobs == 1 { "1 job needs" } else { &format!("{} jobs need", self.jobs) };
        let (severity, but) = match what {
            Missing::Stop => (Severity::Error, ""),
            Missing::LeaveOut => (Severity::Warning, "; they are left out"),
        };
        let such = if n == 1 { "" } else { "for instance " };
        let message = format!("{many} not fetched yet that {jobs}: {such}`{url}` (`{who}`)");
        let finding = Finding::error("plan::not_fetched", format!("{message}{but}"))
            .at(*place, "a picture from a URL")
            .help(format!("`kinora fetch {manifest}` fetches them; planning never does"));
        Some(Finding { severity, ..finding })
    }
}

/// The pictures with URLs that the jobs of a plan would send, fetched or not, in the order of the
/// picture table. Of a plan that is narrowed to its first jobs, those of jobs that may be among them,
/// taking whatever waits for a picture as one that would run.
pub fn wanted(
    catalogue: &Arc<Catalogue>,
    shelf: &Shelf,
    access: &Access,
    known: &KnownJobs,
    narrowing: &Narrowing,
) -> (BTreeSet<PictureId>, Findings) {
    let mut wanted = BTreeSet::new();
    let (planner, mut findings) = Planner::new(catalogue, shelf, access);
    let Some(planner) = planner else { return (wanted, findings) };
    let mut planner = planner.narrow(narrowing, &mut findings);
    planner.gathers = true;
    let mut left = narrowing.first.unwrap_or(u64::MAX);
    planner.walk(known, |chunk| {
        for (before, picture) in &chunk.wanted {
            if *before < left {
                wanted.insert(*picture);
            }
        }
        left = left.saturating_sub(chunk.jobs.len() as u64 + chunk.waiting.jobs);
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    (wanted, findings)
}
