//! Results as CSV: every subject in the catalogue's order, a line for each of its jobs.

use std::borrow::Cow;
use std::io::{self, Write};

use super::book::{Line, is_ai};
use super::check::CheckBrief;
use crate::cells::{Cells, writer};

/// The columns, in order. New ones may be added at the end.
///
/// Amounts count `unit`. `estimated` is of the latest attempt; `charged` is what all attempts of the
/// job cost, and its sum is what the ledger says was spent; empty means *not known yet*, never zero.
/// `word` is what a person said of the clip: `accepted`, `rejected`, or nothing. `verdict` is how it
/// compares with its references (`pass`, `review`, `fail`, `not_inspected`, or nothing), `score` 0 to
/// 100. `digest` and `prompt_digest` are BLAKE3. Times are UTC.
pub const RESULTS_CSV_HEADER: [&str; 39] = [
    "set",
    "id",
    "source_row",
    "shot",
    "variant",
    "take",
    "status",
    "change",
    "file",
    "digest",
    "bytes",
    "duration_ms",
    "width",
    "height",
    "provider",
    "model",
    "seed",
    "prompt_digest",
    "estimated",
    "charged",
    "unit",
    "ai_generated",
    "c2pa_present",
    "made_at",
    "why",
    "job",
    "attempts",
    "aspect",
    "resolution",
    "seconds_asked",
    "source",
    "word",
    "word_by",
    "word_note",
    "verdict",
    "score",
    "weakest",
    "weakest_note",
    "retakes",
];

/// What stands for a subject that no shot makes a clip of.
const NO_JOB: &str = "no_job";
/// Why a clip that is there goes to no shop.
const HELD: &str = "kept from shops: it fails beside its references, and nobody accepted it";

/// Writes lines as CSV. Memory does not grow with their number.
pub(super) struct Results<W: Write> {
    out: csv::Writer<W>,
    cells: Cells,
    unit: String,
}

impl<W: Write> Results<W> {
    /// Writes the header.
    pub fn new(out: W, unit: &str, cells: Cells) -> io::Result<Self> {
        let mut out = writer(out);
        out.write_record(RESULTS_CSV_HEADER)?;
        Ok(Results { out, cells, unit: unit.to_owned() })
    }

    /// Writes one line.
    pub fn write(&mut self, line: &Line) -> io::Result<()> {
        let text = |t| self.cells.text(t);
        let job = line.job.as_ref();
        let clip = job.and_then(|job| job.clip.as_ref());
        let record = clip.map(|clip| &clip.record);
        let settings = job.map(|job| &job.settings);
        let why = job.and_then(|job| job.why.clone());
        let word = job.and_then(|job| job.word.as_ref());
        let lost =
            || clip.and_then(|clip| clip.disk.problem()).map(|what| format!("its file {what}"));
        let held = || job.filter(|job| job.is_held()).map(|_| HELD.to_owned());
        let why = why.or_else(lost).or_else(held).unwrap_or_default();
        let check = job.and_then(|job| job.check.as_ref());
        let weakest = check.map(CheckBrief::weakest_name).unwrap_or_default();
        let weakest_note = check.map(CheckBrief::weakest_note).unwrap_or_default();
        let cells: [Cow<'_, str>; RESULTS_CSV_HEADER.len()] = [
            text(&line.set),
            text(&line.id),
            shown(line.row),
            text(job.map_or("", |job| &job.shot)),
            text(job.and_then(|job| job.variant.as_deref()).unwrap_or_default()),
            shown(job.map(|job| job.take)),
            Cow::Borrowed(job.map_or(NO_JOB, |job| job.status())),
            Cow::Borrowed(job.and_then(|job| job.change).unwrap_or_default()),
            text(record.map_or("", |clip| &clip.path)),
            shown(record.map(|clip| clip.digest)),
            shown(record.map(|clip| clip.bytes)),
            shown(record.map(|clip| clip.duration_ms)),
            shown(record.map(|clip| clip.width)),
            shown(record.map(|clip| clip.height)),
            text(job.map_or("", |job| &job.provider)),
            text(job.map_or("", |job| &job.model)),
            shown(settings.and_then(|settings| settings.seed)),
            shown(job.map(|job| job.prompt)),
            shown(job.and_then(|job| job.estimated)),
            shown(job.and_then(|job| job.charged)),
            text(if job.is_some() { &self.unit } else { "" }),
            shown(job.filter(|_| clip.is_some()).map(|job| is_ai(&job.provider))),
            shown(clip.and_then(|clip| clip.has_manifest())),
            shown(job.and_then(|job| job.made)),
            text(&why),
            text(job.map_or("", |job| job.address.as_str())),
            shown(job.map(|job| job.attempts)),
            text(settings.map_or("", |settings| &settings.aspect)),
            text(settings.map_or("", |settings| &settings.resolution)),
            shown(settings.map(|settings| settings.duration.normalize())),
            text(&line.source),
            Cow::Borrowed(word.map_or("", |word| word.verdict.as_str())),
            text(word.map_or("", |word| &word.by)),
            text(word.and_then(|word| word.note.as_deref()).unwrap_or_default()),
            Cow::Borrowed(check.map_or("", |check| check.verdict.as_str())),
            shown(check.and_then(|check| check.score)),
            text(&weakest),
            text(&weakest_note),
            shown(job.map(|job| job.retakes)),
        ];
        self.out.write_record(cells.iter().map(|cell| cell.as_bytes()))?;
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
