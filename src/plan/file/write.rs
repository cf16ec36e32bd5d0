//! Writing a plan file: job by job as they are planned, sealed at the end.
//!
//! What lives here: the order of lines, packing, the seal, and how a file gets its name. What
//! never does: what a line says of a job.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use zstd::stream::write::Encoder;

use super::line::{CardUsed, EndLine, Header, JobEntry, Line, Origin, PriceMark, packed};
use super::tables::Tables;
use super::unpack::is_plan_file;
use super::{FILE_FORMAT, PROGRAM};
use crate::digest::{Digest, FieldHasher};
use crate::manifest::Catalogue;
use crate::models::ModelCard;
use crate::money::Unit;
use crate::plan::job::PlannedJob;
use crate::plan::summary::{Change, PictureTally, PlanSummary};
use crate::plan::tally::Sums;

/// How hard it is packed: most of a line is a digest, which nothing makes shorter.
const LEVEL: i32 = 3;
/// How much is gathered before it is packed and hashed.
const BLOCK: usize = 64 << 10;

/// Why a plan file was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The system refuses.
    #[error("the plan file can't be written: {0}")]
    Io(#[from] io::Error),
    /// The name is taken by something that is no plan file.
    #[error("{0} is there and is no plan file; give another name, or move it away")]
    Occupied(String),
}

/// A plan file on its way. Its first line, which is known last, comes to stand before the rest
/// when it is finished.
pub struct PlanWriter {
    origin: Origin,
    packed: Encoder<'static, BufWriter<File>>,
    /// Lines that are not packed yet.
    lines: Vec<u8>,
    seal: Seal,
    tables: Tables,
    /// What the jobs add up to.
    all: Sums,
    to_run: Sums,
}

impl std::fmt::Debug for PlanWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlanWriter").field("jobs", &self.all.jobs).finish_non_exhaustive()
    }
}

impl PlanWriter {
    /// Begins. The lines wait in a temporary file until they are finished.
    pub fn new(origin: Origin) -> io::Result<PlanWriter> {
        let mut packed = Encoder::new(BufWriter::new(tempfile::tempfile()?), LEVEL)?;
        packed.include_checksum(true)?;
        // On a thread of its own: packing takes as long as the rest.
        packed.multithread(1)?;
        Ok(PlanWriter {
            origin,
            packed,
            lines: Vec::with_capacity(2 * BLOCK),
            // The first line is counted now, and hashed when it is known.
            seal: Seal::new(Digest::of(b"")),
            tables: Tables::default(),
            all: Sums::default(),
            to_run: Sums::default(),
        })
    }

    /// Writes the next job of the plan.
    pub fn job(
        &mut self,
        job: &PlannedJob,
        change: &Change,
        catalogue: &Catalogue,
    ) -> io::Result<()> {
        let (lines, seal) = (&mut self.lines, &mut self.seal);
        let entry = self.tables.entry(job, change, catalogue, |line| {
            seal.lines += 1;
            put(lines, line)
        })?;
        let sums = Sums::of(job);
        self.all.merge(&sums);
        if change.runs() {
            self.to_run.merge(&sums);
        }
        self.seal.lines += 1;
        put_job(&mut self.lines, entry)?;
        if self.lines.len() >= BLOCK { self.pack() } else { Ok(()) }
    }

    fn pack(&mut self) -> io::Result<()> {
        self.seal.hash(&self.lines);
        self.packed.write_all(&self.lines)?;
        self.lines.clear();
        Ok(())
    }

    /// Writes the whole file to `out`. `summary` is that of the plan whose jobs were given.
    pub fn finish(mut self, summary: &PlanSummary, mut out: impl Write) -> io::Result<()> {
        let unit = Unit::new(&summary.unit);
        let (all, to_run) = (self.all.tally(&unit), self.to_run.tally(&unit));
        if all != summary.all || to_run != summary.to_run {
            return Err(io::Error::other("its jobs don't add up to the plan's summary"));
        }
        let header = Line::Header(Box::new(self.header(summary)?));
        let mut first = Vec::new();
        put(&mut first, &header)?;
        self.pack()?;
        self.seal.first = digest_of_lines(&first);
        let (jobs, lines, digest) = (self.all.jobs, self.seal.lines, self.seal.digest());
        put(&mut self.lines, &Line::End(Box::new(EndLine { jobs, lines, all, to_run, digest })))?;
        self.packed.write_all(&self.lines)?;
        let mut rest =
            self.packed.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        rest.rewind()?;
        let mut packed = Encoder::new(&mut out, LEVEL)?;
        packed.include_checksum(true)?;
        packed.write_all(&first)?;
        packed.finish()?;
        io::copy(&mut rest, &mut out)?;
        out.flush()
    }

    /// The same to a file: it appears whole or not at all. It takes the place of an earlier plan
    /// file, and of nothing else.
    pub fn finish_file(self, summary: &PlanSummary, path: &Path) -> Result<(), WriteError> {
        let taken = std::fs::symlink_metadata(path).is_ok();
        if taken && !is_plan_file(path) {
            return Err(WriteError::Occupied(path.display().to_string()));
        }
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        // A temporary file is private by default; a plan is for others to read, as far as the
        // umask lets them.
        let readable = std::fs::Permissions::from_mode(0o666);
        let mut draft = tempfile::Builder::new().permissions(readable).tempfile_in(folder)?;
        self.finish(summary, BufWriter::new(draft.as_file_mut()))?;
        draft.as_file().sync_all()?;
        draft.persist(path).map_err(|e| e.error)?;
        Ok(())
    }

    fn header(&mut self, summary: &PlanSummary) -> io::Result<Header> {
        let mut models: Vec<&ModelCard> =
            self.tables.forms().iter().map(|form| &*form.card).collect();
        models.sort_by(|a, b| a.model.cmp(&b.model));
        models.dedup_by(|a, b| a.model == b.model);
        let mut origin = self.origin.clone();
        origin.cards.retain(|card| models.iter().any(|model| model.provider == card.name));
        origin.cards.extend(models.iter().map(|model| CardUsed::model(model)));
        origin.prices = models.iter().filter_map(|model| PriceMark::of(model)).collect();
        let plan = Digest::parse(&summary.plan);
        let plan = plan.ok_or_else(|| io::Error::other("the summary names no plan"))?;
        Ok(Header {
            format_version: FILE_FORMAT.to_owned(),
            program: PROGRAM.to_owned(),
            plan,
            origin,
            summary: timeless(summary),
        })
    }
}

/// A summary without what is of the moment: who approved it is found by its digest, and whether
/// a picture's facts were read or remembered is no part of the plan.
fn timeless(summary: &PlanSummary) -> PlanSummary {
    let files = summary.pictures.files;
    PlanSummary {
        approval: None,
        pictures: PictureTally { files, probed: 0, cached: files },
        ..summary.clone()
    }
}

fn put(lines: &mut Vec<u8>, line: &Line) -> io::Result<()> {
    serde_json::to_writer(&mut *lines, line)?;
    lines.push(b'\n');
    Ok(())
}

/// A job's line, by hand where it says no more than most: serde takes twice as long.
fn put_job(lines: &mut Vec<u8>, entry: JobEntry) -> io::Result<()> {
    let JobEntry { f, s, d, change, why, recipes, prompt, negative_prompt, out } = &entry;
    let plain = change.is_none()
        && why.is_empty()
        && recipes.is_none()
        && prompt.is_none()
        && negative_prompt.is_none()
        && out.is_none();
    if !plain {
        return put(lines, &Line::Job(entry));
    }
    write!(lines, "{{\"job\":{{\"f\":{f}")?;
    if let Some(s) = s {
        write!(lines, ",\"s\":{s}")?;
    }
    lines.extend_from_slice(b",\"d\":\"");
    packed::append(d, lines);
    lines.extend_from_slice(b"\"}}\n");
    Ok(())
}

/// The digest over all lines, on its way.
#[derive(Debug)]
pub(super) struct Seal {
    /// Of the first line.
    pub first: Digest,
    hasher: blake3::Hasher,
    /// Lines so far, the first included.
    pub lines: u64,
    /// Lines that are not hashed yet.
    gathered: Vec<u8>,
}

impl Seal {
    pub fn new(first: Digest) -> Self {
        Seal { first, hasher: blake3::Hasher::new(), lines: 1, gathered: Vec::new() }
    }

    /// Adds one line. Many are hashed at once, which is several times as fast.
    pub fn add(&mut self, line: &[u8]) {
        self.lines += 1;
        self.gathered.extend_from_slice(line);
        if self.gathered.len() >= BLOCK {
            self.hasher.update(&self.gathered);
            self.gathered.clear();
        }
    }

    /// Adds lines that are counted already.
    fn hash(&mut self, lines: &[u8]) {
        self.hasher.update(lines);
    }

    pub fn digest(&self) -> Digest {
        let mut hasher = self.hasher.clone();
        hasher.update(&self.gathered);
        let rest = hasher.finalize();
        let mut both = FieldHasher::new("plan file");
        both.field(self.first.as_bytes()).field(rest.as_bytes()).finish()
    }
}

/// The digest of lines as they stand.
pub(super) fn digest_of_lines(lines: &[u8]) -> Digest {
    Digest::of(lines)
}
