//! The book: every job of the ledger and of the plan, in the order of the catalogue.
//!
//! What lives here: that order, and what exports say of a job. What never does: files that are
//! written. Only names and numbers are kept of all jobs; requests are read in batches as they are
//! needed, so that memory follows the catalogue.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use rayon::prelude::*;
use rust_decimal::Decimal;

use super::ExportError;
use super::check::{CheckBrief, is_held};
use super::clip::Clip;
use crate::address::{Address, JobKey};
use crate::digest::Digest;
use crate::ledger::{
    AttemptRecord, ClipVerdict, JobState, Ledger, LedgerError, Verdict, Which, Word,
};
use crate::manifest::{Catalogue, OnFail, SubjectRef};
use crate::models::BUILT_IN;
use crate::money::Micros;
use crate::plan::{Change, JobSettings, PlannedJob, Request};

/// How many jobs are in memory with their requests at once.
const AT_ONCE: usize = 1024;

/// What a plan makes now, by which the ledger's jobs are judged.
#[derive(Debug, Default)]
pub struct Wanted(HashMap<JobKey, WantedJob>);

#[derive(Debug)]
struct WantedJob {
    /// Its place in the plan.
    order: u32,
    change: &'static str,
    /// What becomes of a clip that fails, as the manifest says today.
    on_fail: Option<OnFail>,
    /// What there is to say of a job that the ledger has never seen.
    new: Option<Box<NewJob>>,
}

#[derive(Debug)]
struct NewJob {
    subject: Option<SubjectRef>,
    address: Address,
    shot: u32,
    take: u32,
    provider: String,
    model: String,
    settings: JobSettings,
    prompt: Digest,
    estimate: Option<Decimal>,
}

impl Wanted {
    /// Adds a job of the plan; jobs come in its order.
    pub fn add(&mut self, job: &PlannedJob, change: &Change) {
        let order = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        let new = matches!(change, Change::New).then(|| {
            Box::new(NewJob {
                subject: job.subject,
                address: job.address.clone(),
                shot: job.shot,
                take: job.take,
                provider: job.model.provider.clone(),
                model: job.model.model.clone(),
                settings: job.settings.clone(),
                prompt: Digest::of(job.prompt.as_bytes()),
                estimate: job.estimate.known().map(|amount| amount.value),
            })
        });
        let on_fail = job.consistency.as_ref().map(|rule| rule.on_fail);
        self.0.insert(job.key, WantedJob { order, change: change.as_str(), on_fail, new });
    }
}

/// A line of an export: a job with its subject, or a subject without any job.
#[derive(Debug, Clone)]
pub struct Line {
    /// The subject in the catalogue; absent for shots without one, and for subjects that left.
    pub subject: Option<SubjectRef>,
    /// The set's name; empty without a subject.
    pub set: String,
    /// The subject's id; empty without a subject.
    pub id: String,
    /// The file in which the subject stands: a feed, or a manifest; empty without a subject.
    pub source: String,
    /// Number of its row there as people count them; absent where it has none.
    pub row: Option<u32>,
    /// The job.
    pub job: Option<Job>,
}

/// A job as exports see it.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its address.
    pub address: Address,
    /// The shot's id.
    pub shot: String,
    /// `axis=value,…`; absent without axes.
    pub variant: Option<String>,
    /// From 1.
    pub take: u32,
    /// Where it is in its life; absent: the ledger has never seen it.
    pub state: Option<JobState>,
    /// What a run would do about it, in a plan's words, or `orphaned` where no plan has it; absent
    /// where no plan could be made.
    pub change: Option<&'static str>,
    /// Provider.
    pub provider: String,
    /// Model.
    pub model: String,
    /// Settings, all decided.
    pub settings: JobSettings,
    /// Digest of the prompt's text.
    pub prompt: Digest,
    /// What it was, or is, expected to cost; absent where that is not known.
    pub estimated: Option<Decimal>,
    /// What all its attempts cost so far; absent before any was settled.
    pub charged: Option<Decimal>,
    /// How often it was submitted.
    pub attempts: u32,
    /// When the clip was made.
    pub made: Option<Timestamp>,
    /// Why its latest attempt has no clip.
    pub why: Option<String>,
    /// The clip.
    pub clip: Option<Clip>,
    /// Whether the clip, and how it was asked for, are those of an earlier attempt than the latest:
    /// it is being made anew, or that came to nothing, or a person wants the earlier one.
    pub earlier: bool,
    /// What a person said last of the clip.
    pub word: Option<Word>,
    /// How the clip compares with its references; absent before it was looked at.
    pub check: Option<CheckBrief>,
    /// What becomes of a clip that fails; absent where it is not held against its references.
    pub on_fail: Option<OnFail>,
    /// How often another clip of the same was asked for and begun.
    pub retakes: u32,
    /// Whether the clip is an earlier one because it scores higher than what was made since.
    pub is_better: bool,
}

/// What stands for a job that no plan has any more.
pub(super) const ORPHANED: &str = "orphaned";
/// The state of a job that the ledger has never seen.
const PLANNED: &str = "planned";

impl Job {
    /// Where it is in its life, in one word.
    pub fn status(&self) -> &'static str {
        self.state.map_or(PLANNED, JobState::as_str)
    }

    /// Whether a person rejected its clip, and no earlier one stands.
    pub fn is_rejected(&self) -> bool {
        self.word.as_ref().is_some_and(|word| word.verdict == Verdict::Rejected)
    }

    /// Whether its clip fails beside its references, and is kept from shops until a person accepts
    /// it.
    pub fn is_held(&self) -> bool {
        let verdict = self.check.as_ref().map(|check| check.verdict);
        is_held(self.on_fail, verdict, self.word.as_ref().map(|word| word.verdict))
    }

    /// Whether its clip would be kept from shops if it failed, and nobody could tell so far.
    pub fn is_unseen(&self) -> bool {
        let seen = self.check.as_ref().is_some_and(|c| c.verdict != ClipVerdict::NotInspected);
        self.on_fail == Some(OnFail::Hold) && !seen && self.word.is_none()
    }

    /// The clip, if it is still asked for, nobody rejected it and nothing holds it: what is given to
    /// a shop, until there is a newer one.
    pub fn for_shops(&self) -> Option<&Clip> {
        let wanted = self.change != Some(ORPHANED) && !self.is_rejected() && !self.is_held();
        self.clip.as_ref().filter(|clip| wanted && clip.is_whole())
    }

    /// Whether a pattern of the manifest means it.
    pub fn fits(&self, line: &Line, only: &[glob::Pattern]) -> bool {
        let subject = format!("{}.{}", line.set, line.id);
        let fits = |pattern: &glob::Pattern| {
            pattern.matches(&subject)
                || pattern.matches(&self.shot)
                || pattern.matches(self.address.as_str())
        };
        only.is_empty() || only.iter().any(fits)
    }
}

/// Whether a provider's clips are made by a model that was trained, rather than by the renderer in
/// the box, which moves the pictures that it is given.
pub fn is_ai(provider: &str) -> bool {
    provider != BUILT_IN
}

/// Where a line stands: subjects of the catalogue in its order, then shots without a subject, then
/// what left the catalogue; inside, as the plan has it, then by age.
type Place = (u8, u32, u32, u32, i64);

enum Entry {
    Subject,
    Known(Known, Option<&'static str>),
    New(Box<NewJob>),
}

/// Every job in the order of the catalogue.
pub struct Book<'a> {
    /// The catalogue.
    pub catalogue: &'a Arc<Catalogue>,
    /// The ledger.
    pub ledger: &'a Ledger,
    /// Whether it is known which jobs the manifest asks for.
    pub is_planned: bool,
    entries: Vec<(Place, Option<SubjectRef>, Entry)>,
}

/// What the ledger has of a job in sum.
struct Known {
    address: Address,
    latest: i64,
    /// The attempt whose clip stands.
    clip: Option<i64>,
    /// Whether that is not the latest one for no other reason than its score.
    is_better: bool,
    /// What was said of that clip, or of the latest where none stands.
    word: Option<Word>,
    /// What becomes of a clip that fails, as the manifest says today; absent where no plan has it.
    on_fail: Option<Option<OnFail>>,
    charged: Micros,
    attempts: u32,
}

impl<'a> Book<'a> {
    /// Reads the ledger once for the order of everything. `wanted` is absent where no plan can be
    /// made.
    pub fn open(
        catalogue: &'a Arc<Catalogue>,
        ledger: &'a Ledger,
        wanted: Option<Wanted>,
    ) -> Result<Self, LedgerError> {
        let mut places: HashMap<String, SubjectRef> = HashMap::new();
        for (set, of) in (0..).zip(&catalogue.sets) {
            for (subject, one) in (0..).zip(&of.subjects) {
                places.insert(Address::subject_of(&of.name, &one.id), SubjectRef { set, subject });
            }
        }
        let current = ledger.current_clips()?;
        let mut jobs: HashMap<i64, Known> = HashMap::new();
        ledger.each_attempt(Which::All, |attempt| {
            let known = jobs.entry(attempt.job).or_insert_with(|| Known {
                address: attempt.address.clone(),
                latest: attempt.id,
                clip: None,
                is_better: false,
                word: None,
                on_fail: None,
                charged: Micros::default(),
                attempts: 0,
            });
            known.latest = known.latest.max(attempt.id);
            known.charged = known.charged.saturating_add(attempt.settled);
            known.attempts += 1;
        })?;
        let is_planned = wanted.is_some();
        let mut wanted = wanted.unwrap_or_default().0;
        let mut entries = Vec::with_capacity(jobs.len());
        let mut with_jobs = std::collections::HashSet::new();
        for (job, mut known) in jobs {
            known.clip = current.of_job(job);
            let (words, latest) = (current.words(), known.latest);
            known.is_better = known.clip.is_some_and(|clip| clip != latest)
                && words.chosen(job).is_none()
                && !words.is_rejected(latest);
            known.word = words.of_clip(known.clip.unwrap_or(known.latest)).cloned();
            let want = wanted.remove(&known.address.key());
            known.on_fail = want.as_ref().map(|want| want.on_fail);
            let change = match &want {
                Some(want) => Some(want.change),
                None => is_planned.then_some(ORPHANED),
            };
            let subject = known.address.subject().and_then(|name| places.get(name)).copied();
            let order = want.map_or(u32::MAX, |want| want.order);
            let place = place(subject, known.address.subject().is_some(), order, known.latest);
            with_jobs.extend(subject);
            entries.push((place, subject, Entry::Known(known, change)));
        }
        for want in wanted.into_values() {
            let Some(new) = want.new else { continue };
            with_jobs.extend(new.subject);
            let place = place(new.subject, false, want.order, 0);
            entries.push((place, new.subject, Entry::New(new)));
        }
        for at in places.into_values().filter(|at| !with_jobs.contains(at)) {
            entries.push((place(Some(at), true, 0, 0), Some(at), Entry::Subject));
        }
        entries.sort_unstable_by_key(|(place, ..)| *place);
        Ok(Book { catalogue, ledger, is_planned, entries })
    }

    /// How many lines it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Hands every line to `each`, in order. Clips are looked at on disk, side by side.
    pub fn each(
        &self,
        mut each: impl FnMut(&Line) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        for batch in self.entries.chunks(AT_ONCE) {
            let mut lines = Vec::with_capacity(batch.len());
            for (_, subject, entry) in batch {
                lines.push(match entry {
                    Entry::Subject => (self.line(*subject, None), None),
                    Entry::New(new) => (self.line(*subject, Some(self.planned(new))), None),
                    Entry::Known(known, change) => {
                        let Some(latest) = self.ledger.attempt(known.latest)? else { continue };
                        let earlier = match known.clip.filter(|clip| *clip != latest.id) {
                            Some(attempt) => self.ledger.attempt(attempt)?,
                            None => None,
                        };
                        self.known(*subject, (latest, earlier), *change, known)?
                    }
                });
            }
            let workspace = &self.catalogue.workspace;
            let lines: Vec<Line> = lines
                .into_par_iter()
                .map(|(mut line, clip)| {
                    if let (Some(job), Some(record)) = (&mut line.job, clip) {
                        job.clip = Some(Clip::look(workspace, record));
                    }
                    line
                })
                .collect();
            lines.iter().try_for_each(&mut each)?;
        }
        Ok(())
    }

    fn line(&self, subject: Option<SubjectRef>, job: Option<Job>) -> Line {
        let named = subject.map(|at| {
            let set = &self.catalogue.sets[at.set as usize];
            let of = &set.subjects[at.subject as usize];
            let source = self.catalogue.sources.get(of.place.source).name.to_string();
            let row = (of.first_row > 0).then_some(of.first_row);
            (set.name.to_string(), of.id.to_string(), source, row)
        });
        let (set, id, source, row) = named.unwrap_or_default();
        Line { subject, set, id, source, row, job }
    }

    fn known(
        &self,
        subject: Option<SubjectRef>,
        (latest, earlier): (AttemptRecord, Option<AttemptRecord>),
        change: Option<&'static str>,
        known: &Known,
    ) -> Result<(Line, Option<crate::ledger::ClipRecord>), ExportError> {
        let is_settled = !latest.state.is_open() || known.charged.get() > 0;
        let (state, done) = (latest.state, latest.state == JobState::Done);
        let retakes = latest.retake;
        let estimated = Some(latest.estimate.to_decimal());
        let is_earlier = earlier.is_some();
        let why = latest.message.clone().filter(|_| !done);
        // The attempt of the clip that there is, or else the latest.
        let record = earlier.unwrap_or(latest);
        let request = request_of(&record)?;
        let check = self.ledger.check_on(record.id)?.as_ref().map(CheckBrief::of);
        let job = Job {
            check,
            // What the manifest says today holds; where no plan says it, what was asked then.
            on_fail: known.on_fail.unwrap_or(request.consistency.map(|rule| rule.on_fail)),
            retakes,
            is_better: known.is_better && done,
            variant: record.address.variant().map(str::to_owned),
            take: record.address.take(),
            shot: request.shot,
            state: Some(state),
            change,
            provider: record.provider,
            model: record.model,
            settings: request.settings,
            prompt: Digest::of(request.prompt.as_bytes()),
            estimated,
            charged: is_settled.then(|| known.charged.to_decimal()),
            attempts: known.attempts,
            made: (done || is_earlier).then_some(record.updated),
            why,
            clip: None,
            earlier: is_earlier,
            word: known.word.clone(),
            address: record.address,
        };
        let mut line = self.line(subject, Some(job));
        if let (None, Some(name)) = (subject, &request.subject) {
            let (set, id) = name.split_once('.').unwrap_or(("", name));
            (line.set, line.id) = (set.to_owned(), id.to_owned());
        }
        Ok((line, record.clip))
    }

    fn planned(&self, new: &NewJob) -> Job {
        Job {
            address: new.address.clone(),
            shot: self.catalogue.shots[new.shot as usize].id.to_string(),
            variant: new.address.variant().map(str::to_owned),
            take: new.take,
            state: None,
            change: Some(Change::New.as_str()),
            provider: new.provider.clone(),
            model: new.model.clone(),
            settings: new.settings.clone(),
            prompt: new.prompt,
            estimated: new.estimate,
            charged: None,
            attempts: 0,
            made: None,
            why: None,
            clip: None,
            earlier: false,
            word: None,
            check: None,
            on_fail: None,
            retakes: 0,
            is_better: false,
        }
    }
}

/// The request of an attempt, as it was sent.
pub(super) fn request_of(record: &AttemptRecord) -> Result<Request, ExportError> {
    serde_json::from_str(&record.request)
        .map_err(|e| ExportError::Damaged { job: record.address.to_string(), what: e.to_string() })
}

fn place(subject: Option<SubjectRef>, left: bool, order: u32, age: i64) -> Place {
    match subject {
        Some(at) => (0, at.set, at.subject, order, age),
        None if left => (2, 0, 0, order, age),
        None => (1, 0, 0, order, age),
    }
}
