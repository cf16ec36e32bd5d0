//! The dry run as CSV: one line a job, written as the jobs come.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::cells::{Cells, writer};
use crate::plan::JobLine;

/// The columns, in order. New ones may be added at the end.
///
/// `why`, `references` and `pictures` hold several values, separated by `;` and a space.
/// `seconds`, `estimate`, `low`, `high`, `image_extra` and `with_retakes` are decimals; an empty
/// `estimate` means *unpriced*, never zero; an empty `with_retakes` that the clip is not made again.
pub const PLAN_CSV_HEADER: [&str; 23] = [
    "address",
    "change",
    "why",
    "subject",
    "shot",
    "model",
    "route",
    "reason",
    "seconds",
    "size",
    "fps",
    "seed",
    "references",
    "prompt",
    "estimate",
    "unit",
    "image_extra",
    "out",
    "fingerprint",
    "low",
    "high",
    "pictures",
    "with_retakes",
];

/// Writes a plan's jobs as CSV. Memory does not grow with their number.
pub struct PlanCsv<W: Write> {
    out: csv::Writer<W>,
    cells: Cells,
}

impl<W: Write> PlanCsv<W> {
    /// Writes the header.
    pub fn new(out: W, cells: Cells) -> io::Result<Self> {
        let mut out = writer(out);
        out.write_record(PLAN_CSV_HEADER)?;
        Ok(PlanCsv { out, cells })
    }

    /// Writes one job.
    pub fn write(&mut self, job: &JobLine) -> io::Result<()> {
        let why: Vec<&str> = job.why.iter().map(|p| p.as_str()).collect();
        let references = job.references.join("; ");
        let pictures = job.pictures.join("; ");
        let record: [Cow<'_, str>; PLAN_CSV_HEADER.len()] = [
            self.cells.text(&job.address),
            Cow::Borrowed(&job.change),
            why.join("; ").into(),
            self.cells.text(job.subject.as_deref().unwrap_or_default()),
            self.cells.text(&job.shot),
            self.cells.text(&job.model),
            Cow::Borrowed(job.route.as_str()),
            Cow::Borrowed(&job.reason),
            Cow::Borrowed(&job.seconds),
            Cow::Borrowed(&job.size),
            shown(job.fps),
            shown(job.seed),
            self.cells.text(&references),
            self.cells.text(&job.prompt),
            job.estimate.as_deref().unwrap_or_default().into(),
            self.cells.text(job.unit.as_deref().unwrap_or_default()),
            job.image_extra.as_deref().unwrap_or_default().into(),
            self.cells.text(&job.out),
            Cow::Borrowed(&job.fingerprint),
            job.low.as_deref().unwrap_or_default().into(),
            job.high.as_deref().unwrap_or_default().into(),
            self.cells.text(&pictures),
            job.with_retakes.as_deref().unwrap_or_default().into(),
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
