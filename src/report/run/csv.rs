//! What was made, as CSV: one line a job, written as the jobs come.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::cells::{Cells, writer};

use super::check::CheckView;
use super::model::JobView;
use crate::export::is_ai;
use crate::ledger::Basis;

/// The columns, in order. New ones may be added at the end.
///
/// `references` holds names separated by `; `. Amounts count the workspace's `unit`; an empty
/// `cost` means *not settled*, never zero; `basis` says whether the cost is the `provider`'s own
/// word or the `estimate`. Times are UTC. `ai_generated` is true for every
/// clip that a trained model made, and false for the renderer's in the box: channels ask for it.
/// `verdict` and `score` (0 to 100) say how the clip compares with its references, `weakest` which
/// part of the score is lowest; all are empty where it was not looked at.
pub const RUN_CSV_HEADER: [&str; 41] = [
    "address",
    "subject",
    "shot",
    "variant",
    "take",
    "state",
    "file",
    "digest",
    "bytes",
    "width",
    "height",
    "duration_ms",
    "model",
    "provider",
    "route",
    "seconds_asked",
    "fps",
    "seed",
    "references",
    "prompt",
    "cost",
    "reserved",
    "unit",
    "attempt",
    "message",
    "started",
    "finished",
    "ai_generated",
    "remote_id",
    "attempt_key",
    "interruptions",
    "estimate",
    "basis",
    "word",
    "word_by",
    "word_note",
    "verdict",
    "score",
    "weakest",
    "weakest_note",
    "retakes",
];

/// Writes jobs as CSV. Memory does not grow with their number.
pub struct RunCsv<W: Write> {
    out: csv::Writer<W>,
    cells: Cells,
    unit: String,
}

impl<W: Write> RunCsv<W> {
    /// Writes the header.
    pub fn new(out: W, unit: &str, cells: Cells) -> io::Result<Self> {
        let mut out = writer(out);
        out.write_record(RUN_CSV_HEADER)?;
        Ok(RunCsv { out, cells, unit: unit.to_owned() })
    }

    /// Writes one job.
    pub fn write(&mut self, job: &JobView) -> io::Result<()> {
        let (clip, word) = (job.clip.as_ref(), job.word.as_ref());
        let check = job.check.as_ref();
        let weakest = check.map(CheckView::weakest_name).unwrap_or_default();
        let weakest_note = check.map(CheckView::weakest_note).unwrap_or_default();
        let names: Vec<&str> = job.references.iter().map(|r| r.name.as_str()).collect();
        let names = names.join("; ");
        let text = |t| self.cells.text(t);
        let record: [Cow<'_, str>; RUN_CSV_HEADER.len()] = [
            text(&job.address),
            text(job.subject.as_deref().unwrap_or_default()),
            text(&job.shot),
            text(job.variant.as_deref().unwrap_or_default()),
            shown(Some(job.take)),
            Cow::Borrowed(job.state.as_str()),
            text(clip.map_or("", |c| &c.path)),
            Cow::Borrowed(clip.map_or("", |c| &c.digest)),
            shown(clip.map(|c| c.bytes)),
            shown(clip.map(|c| c.width)),
            shown(clip.map(|c| c.height)),
            shown(clip.map(|c| c.duration_ms)),
            text(&job.model),
            text(&job.provider),
            Cow::Borrowed(job.route.as_str()),
            shown(Some(job.settings.duration)),
            shown(job.settings.fps),
            shown(job.settings.seed),
            text(&names),
            text(&job.prompt),
            shown(job.cost),
            shown(job.reserved),
            text(&self.unit),
            shown(Some(job.attempt)),
            text(job.message.as_deref().unwrap_or_default()),
            shown(job.started),
            shown(job.finished),
            shown(clip.map(|_| is_ai(&job.provider))),
            text(job.remote_id.as_deref().unwrap_or_default()),
            text(job.key.as_deref().unwrap_or_default()),
            shown(Some(job.interruptions)),
            shown(job.estimate),
            Cow::Borrowed(job.basis.map_or("", Basis::as_str)),
            Cow::Borrowed(word.map_or("", |word| word.short())),
            text(word.map_or("", |word| &word.by)),
            text(word.and_then(|word| word.note.as_deref()).unwrap_or_default()),
            Cow::Borrowed(check.map_or("", |check| check.verdict.as_str())),
            shown(check.and_then(|check| check.score)),
            text(&weakest),
            text(&weakest_note),
            shown(Some(job.retakes)),
        ];
        self.out.write_record(record.iter().map(|cell| cell.as_bytes()))?;
        Ok(())
    }

    /// Writes out what is buffered and gives the sink back.
    pub fn finish(self) -> io::Result<W> {
        self.out.into_inner().map_err(|e| e.into_error())
    }
}

fn shown<T: ToString>(value: Option<T>) -> Cow<'static, str> {
    value.map(|v| v.to_string()).unwrap_or_default().into()
}
