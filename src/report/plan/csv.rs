//! The dry run as CSV: one line a job, written as the jobs come.

use std::io::{self, Write};

use crate::plan::JobLine;
use crate::report::cells::{Cells, writer};

/// The columns, in order. New ones may be added at the end.
///
/// `why` and `references` hold several values, separated by a space and a `;`. `seconds`,
/// `estimate` and `image_extra` are decimals; an empty `estimate` means *unpriced*, never zero.
pub const PLAN_CSV_HEADER: [&str; 19] = [
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
        let text = |t: &str| self.cells.text(t).into_owned();
        let why: Vec<&str> = job.why.iter().map(|p| p.as_str()).collect();
        let number = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
        let record: [String; PLAN_CSV_HEADER.len()] = [
            text(&job.address),
            job.change.clone(),
            why.join("; "),
            text(job.subject.as_deref().unwrap_or_default()),
            text(&job.shot),
            text(&job.model),
            job.route.as_str().to_owned(),
            job.reason.clone(),
            job.seconds.clone(),
            job.size.clone(),
            number(job.fps.map(u64::from)),
            number(job.seed),
            text(&job.references.join("; ")),
            text(&job.prompt),
            job.estimate.clone().unwrap_or_default(),
            text(job.unit.as_deref().unwrap_or_default()),
            job.image_extra.clone().unwrap_or_default(),
            text(&job.out),
            job.fingerprint.clone(),
        ];
        self.out.write_record(&record)?;
        Ok(())
    }

    /// Writes out what is buffered and gives the sink back.
    pub fn finish(self) -> io::Result<W> {
        self.out.into_inner().map_err(|e| e.into_error())
    }
}
