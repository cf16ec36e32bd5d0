//! Writing an export: one walk over the book, a file for each thing that is asked for.
//!
//! What lives here: which files there are, and that each appears whole or not at all. What never
//! does: what stands in them.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use tempfile::NamedTempFile;

use super::ExportError;
use super::book::{Book, Job, Line, ORPHANED};
use super::clip::Clip;
use super::evidence::{Evidence, EvidenceLine, Record, path_of};
use super::google::Google;
use super::link::ProviderHosts;
use super::notes::{Note, Notes};
use super::results::Results;
use super::sheet::{MOST_SHEETS, Sheets};
use super::shopify::{Shopify, ShopifyLine};
use crate::diagnostic::{Finding, Findings};
use crate::digest::Digest;
use crate::ledger::Which;
use crate::manifest::{ShopifyExport, SubjectKind};
use crate::media::c2pa::Credentials;
use crate::media::frames::Decoding;
use crate::plan::FindingOut;
use crate::protocol::Rack;
use crate::template::Engine;

/// Version of what `kinora export --json` prints. Readers refuse another major version and ignore
/// fields that they don't know.
pub const EXPORT_FORMAT: &str = "1.0";

/// The files for shops.
const SHOPIFY: &str = "shopify.jsonl";
const GOOGLE: &str = "google.tsv";

/// How many clips' evidence is in memory at once.
const AT_ONCE: usize = 1024;

/// Things that can be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Every subject and job, as CSV.
    Results,
    /// What Shopify's Admin API needs.
    Shopify,
    /// A supplemental feed for Google.
    Google,
    /// A file of evidence for each clip.
    Evidence,
    /// Contact sheets.
    Sheet,
}

/// What an export is made of.
pub struct Inputs<'a> {
    /// Every job.
    pub book: &'a Book<'a>,
    /// Where providers are.
    pub rack: &'a Rack,
    /// What is asked for.
    pub what: &'a [What],
    /// Where it goes.
    pub to: &'a Path,
}

/// What an export gave.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Exported {
    /// Version of this form.
    pub format_version: String,
    /// The folder.
    pub to: String,
    /// Every file, in the order in which they were asked for. The files of evidence are in their
    /// index.
    pub files: Vec<ExportedFile>,
    /// Subjects of the catalogue.
    pub subjects: u64,
    /// Jobs, those that were never begun among them.
    pub jobs: u64,
    /// Clips that are done and on disk as they were made.
    pub clips: u64,
    /// What is to be said of it.
    pub findings: Vec<FindingOut>,
}

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExportedFile {
    /// What it is.
    pub what: What,
    /// Relative to the folder.
    pub path: String,
    /// Bytes.
    pub bytes: u64,
    /// BLAKE3 digest of its bytes.
    pub digest: String,
    /// What is in it: lines but the header, products, clips, jobs.
    pub entries: u64,
}

/// The schema of what `kinora export --json` prints.
pub fn export_schema() -> serde_json::Value {
    schemars::schema_for!(Exported).to_value()
}

/// The schema of a file of evidence.
pub fn evidence_schema() -> serde_json::Value {
    schemars::schema_for!(Evidence).to_value()
}

/// The schema of a line for Shopify.
pub fn shopify_schema() -> serde_json::Value {
    schemars::schema_for!(ShopifyLine).to_value()
}

/// Writes what is asked for. Findings with an error among them mean that the file which they are
/// about was not written; all others were.
///
/// # Errors
/// The ledger can't be read, or a file can't be written.
pub fn export(inputs: &Inputs<'_>, findings: &mut Findings) -> Result<Exported, ExportError> {
    let Inputs { book, rack, what, to } = inputs;
    let folder = Folder::open(to)?;
    let settings = &book.catalogue.export;
    let engine = Engine::new(&book.catalogue.limits);
    let wants = |one| what.contains(&one);
    let unit = book.ledger.unit()?.unwrap_or_else(|| book.catalogue.budget.unit.clone());
    let mut exported = Exported {
        format_version: EXPORT_FORMAT.to_owned(),
        to: to.display().to_string(),
        files: Vec::new(),
        subjects: book.catalogue.sets.iter().map(|set| set.subjects.len() as u64).sum(),
        jobs: 0,
        clips: 0,
        findings: Vec::new(),
    };
    let mut notes = Notes::default();
    let mut results = match wants(What::Results) {
        true => {
            let draft = folder.draft("results.csv")?;
            Some(folder.wrote("results.csv", Results::new(draft, unit.as_str(), settings.cells))?)
        }
        false => None,
    };
    let usual = ShopifyExport::default();
    let for_shopify = settings.shopify.as_ref().unwrap_or(&usual);
    // Which clips are still asked for, only a plan says.
    let mut shopify = match wants(What::Shopify) && book.is_planned {
        true => {
            let draft = folder.draft(SHOPIFY)?;
            Some(folder.wrote(SHOPIFY, Shopify::new(draft, &engine, for_shopify))?)
        }
        false => None,
    };
    let google = settings.google.as_ref().filter(|_| wants(What::Google) && book.is_planned);
    let mut google = google.map(|google| Google::new(&engine, google, ProviderHosts::of(rack)));
    let mut sheets = wants(What::Sheet)
        .then(|| Sheets::new(crate::environment::own_program().ok().map(Decoding::by)));
    let mut lines = 0;
    book.each(|line| {
        lines += 1;
        if let Some(results) = &mut results {
            folder.wrote("results.csv", results.write(line))?;
        }
        let Some(job) = &line.job else { return Ok(()) };
        exported.jobs += 1;
        note(job, &mut notes);
        if let Some(sheets) = &mut sheets {
            sheets.add(&book.catalogue.workspace, line, job);
        }
        let Some(clip) = job.for_shops() else { return Ok(()) };
        exported.clips += 1;
        if !is_product(book, line) {
            return Ok(());
        }
        if let Some(shopify) = &mut shopify {
            let added = shopify.add(book.catalogue, line, (job, clip), &mut notes);
            folder.wrote(SHOPIFY, added)?;
        }
        if let Some(google) = &mut google {
            google.add(book.catalogue, line, (job, clip), &mut notes);
        }
        Ok(())
    })?;
    if !book.is_planned && (wants(What::Shopify) || wants(What::Google)) {
        findings.push(unplanned());
    }
    // What stands there from an earlier export would be taken for what this one gives.
    for (what, name) in [(What::Shopify, SHOPIFY), (What::Google, GOOGLE)] {
        if wants(what) {
            folder.remove(name)?;
        }
    }
    let files = &mut exported.files;
    if let Some(results) = results {
        let draft = folder.wrote("results.csv", results.finish())?;
        files.push(draft.finish(What::Results, lines)?);
    }
    if let Some(shopify) = shopify {
        let clips = shopify.clips;
        let (draft, wrong) = shopify.finish(findings);
        if !wrong {
            files.push(draft.finish(What::Shopify, clips)?);
        }
    }
    if let Some(google) = google {
        let mut draft = folder.draft(GOOGLE)?;
        folder.wrote(GOOGLE, google.write(&mut draft))?;
        let products = google.products();
        if !google.findings(findings) {
            files.push(draft.finish(What::Google, products)?);
        }
    }
    if wants(What::Evidence) {
        files.push(evidence(book, &folder, unit)?);
    }
    if let Some(sheets) = sheets {
        files.extend(draw(&sheets, &folder, &book.catalogue.name, &mut notes)?);
        if let Some(finding) = left_out(&sheets) {
            findings.push(finding);
        }
    }
    notes.findings(findings);
    Ok(exported)
}

/// That no shop gets anything where nobody knows which clips are still asked for.
fn unplanned() -> Finding {
    let message = "the files for shops are not written: without a plan nobody can tell which clips \
                   the manifest still asks for";
    Finding::error("export::no_plan", message)
        .help("make a plan possible again, or choose others with `--what results,evidence,sheet`")
}

/// What is to be said of a job's clip, whatever is exported.
fn note(job: &Job, notes: &mut Notes) {
    let Some(clip) = &job.clip else { return };
    let path = || clip.record.path.clone();
    if let Some(problem) = clip.disk.problem() {
        notes.add(Note::File, || format!("{} {problem}", path()));
    }
    if clip.credentials == Some(Credentials::Damaged) {
        notes.add(Note::Credentials, path);
    }
    if job.change != Some(ORPHANED) && job.is_unseen() {
        notes.add(Note::Unseen, || job.address.to_string());
    }
    match job.change {
        Some(ORPHANED) => notes.add(Note::Orphaned, path),
        _ if job.is_rejected() => notes.add(Note::Rejected, path),
        _ if job.is_held() => notes.add(Note::Held, || job.address.to_string()),
        // The one that a person or its score chose has no newer one to wait for.
        _ if job.earlier && (job.word.is_some() || job.is_better) => {}
        _ if job.earlier => notes.add(Note::Earlier, path),
        Some("changed") => notes.add(Note::Changed, path),
        _ => {}
    }
}

/// Whether a line is about something that is sold.
fn is_product(book: &Book<'_>, line: &Line) -> bool {
    let set = line.subject.map(|at| &book.catalogue.sets[at.set as usize]);
    set.is_some_and(|set| set.kind == SubjectKind::Product)
}

/// Writes the evidence of every clip that was ever made, and their index.
fn evidence(
    book: &Book<'_>,
    folder: &Folder,
    unit: crate::money::Unit,
) -> Result<ExportedFile, ExportError> {
    let approvals = book.ledger.approvals()?.into_iter().map(|a| (a.id, a));
    let record = Record {
        lineage: book.ledger.lineage()?,
        unit,
        approvals: approvals.collect::<BTreeMap<_, _>>(),
        under: book.ledger.approvals_of_clips()?,
        words: book.ledger.words()?,
        workspace: &book.catalogue.workspace,
    };
    let (mut with_clips, mut taken) = (Vec::new(), HashSet::new());
    book.ledger.each_attempt(Which::All, |attempt| {
        if attempt.clip.is_some() {
            with_clips.push(attempt.id);
        }
    })?;
    const INDEX: &str = "evidence/index.jsonl";
    let mut index = folder.draft(INDEX)?;
    for batch in with_clips.chunks(AT_ONCE) {
        for id in batch {
            let Some(attempt) = book.ledger.attempt(*id)? else { continue };
            let Some(clip) = &attempt.clip else { continue };
            let (evidence, _): (Evidence, Clip) =
                record.evidence(&attempt, clip, book.ledger.check_on(*id)?)?;
            let (path, json) = (path_of(clip, attempt.id, &mut taken), evidence.to_json());
            folder.small(&path, json.as_bytes())?;
            let line: EvidenceLine = evidence.line(&path, json.as_bytes());
            let mut text = serde_json::to_vec(&line).expect("texts are JSON");
            text.push(b'\n');
            folder.wrote(INDEX, index.write_all(&text))?;
        }
    }
    index.finish(What::Evidence, with_clips.len() as u64)
}

fn draw(
    sheets: &Sheets,
    folder: &Folder,
    name: &str,
    notes: &mut Notes,
) -> Result<Vec<ExportedFile>, ExportError> {
    let mut files = Vec::new();
    let name_of = |number: usize| format!("sheet-{:02}.png", number + 1);
    for number in sheets.len()..MOST_SHEETS {
        folder.remove(&name_of(number))?;
    }
    for number in 0..sheets.len() {
        let path = name_of(number);
        let drawn = sheets.draw(number, name, notes);
        let png = drawn.map_err(|what| ExportError::Files { path: path.clone(), what })?;
        let mut draft = folder.draft(&path)?;
        folder.wrote(&path, draft.write_all(&png))?;
        files.push(draft.finish(What::Sheet, sheets.tiles_on(number))?);
    }
    Ok(files)
}

fn left_out(sheets: &Sheets) -> Option<Finding> {
    (sheets.left_out > 0).then(|| {
        let message = format!(
            "{} jobs are on no contact sheet: there are at most {MOST_SHEETS} sheets",
            sheets.left_out
        );
        Finding::warning("export::sheets", message).help(
            "`kinora report -o page.html` has a card for each unfinished job, and the first clips",
        )
    })
}

/// The folder of an export.
struct Folder(PathBuf);

/// A file that is written and has no name yet.
struct Draft {
    file: BufWriter<NamedTempFile>,
    name: String,
    folder: PathBuf,
}

impl Folder {
    fn open(path: &Path) -> Result<Self, ExportError> {
        fs::create_dir_all(path).map_err(|e| failed(&path.display(), &e))?;
        Ok(Folder(path.to_owned()))
    }

    fn wrote<T>(&self, name: &str, result: io::Result<T>) -> Result<T, ExportError> {
        result.map_err(|e| failed(&self.0.join(name).display(), &e))
    }

    fn draft(&self, name: &str) -> Result<Draft, ExportError> {
        let path = self.0.join(name);
        let folder = path.parent().unwrap_or(&self.0).to_owned();
        let file = fs::create_dir_all(&folder).and_then(|()| temporary(&folder));
        let file = BufWriter::new(self.wrote(name, file)?);
        let (name, folder) = (name.to_owned(), self.0.clone());
        Ok(Draft { file, name, folder })
    }

    /// Takes away a file of an earlier export that this one does not give.
    fn remove(&self, name: &str) -> Result<(), ExportError> {
        match fs::remove_file(self.0.join(name)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => self.wrote(name, Err(e)),
            _ => Ok(()),
        }
    }

    /// Writes one of many small files, unless it stands there already. It appears whole; that it
    /// lasts is not waited for: should a power cut take it, the next export sees that it differs.
    fn small(&self, name: &str, bytes: &[u8]) -> Result<(), ExportError> {
        let path = self.0.join(name);
        if fs::read(&path).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        let folder = path.parent().unwrap_or(&self.0);
        let write = || {
            fs::create_dir_all(folder)?;
            let mut file = temporary(folder)?;
            file.write_all(bytes)?;
            file.persist(&path).map_err(|e| e.error)
        };
        self.wrote(name, write()).map(|_: File| ())
    }
}

impl Draft {
    /// Gives the file its name.
    fn finish(self, what: What, entries: u64) -> Result<ExportedFile, ExportError> {
        let path = self.folder.join(&self.name);
        let write = || -> io::Result<(Digest, u64)> {
            let file = self.file.into_inner().map_err(|e| e.into_error())?;
            file.as_file().sync_all()?;
            let read = Digest::of_reader(file.reopen()?)?;
            file.persist(&path).map_err(|e| e.error)?;
            Ok(read)
        };
        let (digest, bytes) = write().map_err(|e| failed(&path.display(), &e))?;
        Ok(ExportedFile { what, path: self.name, bytes, digest: digest.to_string(), entries })
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A temporary file is private by default; an export is for others to read, as far as the umask lets
/// them.
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let readable = fs::Permissions::from_mode(0o666);
    tempfile::Builder::new().permissions(readable).tempfile_in(folder)
}

fn failed(path: &dyn std::fmt::Display, error: &io::Error) -> ExportError {
    ExportError::Files { path: path.to_string(), what: error.to_string() }
}
