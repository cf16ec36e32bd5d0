//! Reading a plan file: untrusted bytes become jobs, one at a time, and at the end everything
//! that the file says of itself has been checked.
//!
//! What lives here: the order of lines, the tables that jobs point into, the seal. What never
//! does: whether what the file says is still so.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::error::{PlanFileError, PlanFileProblem};
use super::form::{FileSubject, Form};
use super::job::{FileJob, Own};
use super::line::{ChangeWord, EndLine, Header, JobEntry, Line, PictureLine};
use super::pattern::Filling;
use super::sums::Counts;
use super::unpack::{BEGINS, LONGEST_HEADER, Lines};
use super::write::{Seal, digest_of_lines};
use super::{FILE_FORMAT, PROGRAM};
use crate::address::{Address, JobKey};
use crate::digest::Digest;
use crate::limits::Limits;
use crate::money::Unit;
use crate::plan::digesting::{PlanHasher, digest_into};
use crate::plan::summary::Change;

/// Room for tables beside what each job may need of them.
const TABLE_BYTES: u64 = 64 << 20;
/// Bytes of tables that one job may need: a subject with a long title and its pictures.
const TABLE_BYTES_A_JOB: u64 = 512;
/// The longest line but the first, where prompts are short.
const LONGEST_LINE: u64 = 256 << 10;
/// How long a prompt may become as JSON, against its bytes.
const ESCAPED: u64 = 8;
/// How much is gathered before it is hashed.
const BLOCK: usize = 64 << 10;

/// A plan file that is being read. An iterator over its jobs; the last thing that it gives is an
/// error where anything in the file is not what it should be, so that nothing may be done with a
/// job before the end was reached.
#[derive(Debug)]
pub struct PlanReader {
    path: PathBuf,
    lines: Lines,
    header: Header,
    /// Whether the file is of a newer minor version, which may have lines unknown here.
    newer: bool,
    tables: Tables,
    counts: Counts,
    digest: PlanHasher,
    /// Jobs' parts of the digest, gathered.
    digested: Vec<u8>,
    seal: Seal,
    limits: ReadLimits,
    address: String,
    ended: bool,
}

/// A picture that a job sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsedPicture<'a> {
    /// Path relative to the workspace.
    pub path: &'a str,
    /// Digest of its bytes at planning.
    pub digest: &'a Digest,
}

#[derive(Debug)]
struct ReadLimits {
    jobs: u64,
    line: u64,
    tables: u64,
}

#[derive(Debug, Default)]
struct Tables {
    pictures: Vec<Arc<PictureLine>>,
    /// Which of them are sent by a job.
    used: Vec<bool>,
    recipes: Vec<Arc<str>>,
    subjects: Vec<Arc<FileSubject>>,
    forms: Vec<Arc<Form>>,
    bytes: u64,
}

impl PlanReader {
    /// Opens a file and reads its header.
    pub fn open(path: &Path, limits: &Limits) -> Result<PlanReader, PlanFileError> {
        let unreadable = |e| PlanFileError::new(path, None, PlanFileProblem::Unreadable(e));
        let file = File::open(path).map_err(unreadable)?;
        PlanReader::new(path, file, limits)
    }

    /// The same of bytes from anywhere; `path` is what errors call them.
    pub fn new(
        path: &Path,
        packed: impl Read + Send + 'static,
        limits: &Limits,
    ) -> Result<PlanReader, PlanFileError> {
        let mut lines = Lines::new(Box::new(packed))
            .map_err(|problem| PlanFileError::new(path, None, problem))?;
        let (header, digest, newer) =
            first_line(&mut lines).map_err(|problem| PlanFileError::new(path, Some(1), problem))?;
        Ok(PlanReader {
            path: path.to_owned(),
            lines,
            newer,
            tables: Tables::default(),
            counts: Counts::default(),
            digest: PlanHasher::new(&header.summary.unit),
            digested: Vec::with_capacity(2 * BLOCK),
            seal: Seal::new(digest),
            limits: ReadLimits {
                jobs: limits.jobs,
                line: LONGEST_LINE.max(limits.prompt_bytes.saturating_mul(ESCAPED)),
                tables: TABLE_BYTES.saturating_add(limits.jobs.saturating_mul(TABLE_BYTES_A_JOB)),
            },
            address: String::new(),
            ended: false,
            header,
        })
    }

    /// The first line. Its plan and its sums are proven only when the jobs have been read.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Whether this very version of the program wrote it, as it says itself.
    pub fn is_of_this_program(&self) -> bool {
        self.header.program == PROGRAM
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads to the end and gives the header, which is proven then.
    pub fn verify(mut self) -> Result<Header, PlanFileError> {
        for job in &mut self {
            job?;
        }
        Ok(self.header)
    }

    /// The pictures that the jobs read so far send.
    pub fn pictures(&self) -> impl Iterator<Item = UsedPicture<'_>> {
        let used = self.tables.pictures.iter().zip(&self.tables.used).filter(|(_, used)| **used);
        used.map(|(p, _)| UsedPicture { path: &p.path, digest: &p.digest })
    }

    fn step(&mut self) -> Result<Option<FileJob>, PlanFileProblem> {
        loop {
            let Some(text) = self.lines.next(self.limits.line)? else {
                return Err(PlanFileProblem::CutShort);
            };
            let line = match serde_json::from_slice::<Line>(text) {
                Ok(line) => line,
                Err(_) if self.newer && is_unknown(text) => {
                    self.tables.bytes += text.len() as u64;
                    self.seal.add(text);
                    self.tables.check(self.limits.tables)?;
                    continue;
                }
                Err(error) => return Err(not_a_line(text, &error)),
            };
            if let Line::End(end) = line {
                return self.finish(&end).map(|()| None);
            }
            self.seal.add(text);
            let length = text.len() as u64;
            match line {
                Line::Job(entry) => return self.job(entry).map(Some),
                line => {
                    self.tables.bytes += length;
                    self.tables.check(self.limits.tables)?;
                    self.tables.enter(line)?;
                }
            }
        }
    }

    fn job(&mut self, entry: JobEntry) -> Result<FileJob, PlanFileProblem> {
        if self.counts.jobs == self.limits.jobs {
            return Err(PlanFileProblem::TooMuch {
                what: format!("the file has more than {} jobs", self.limits.jobs),
                help: Limits::how_to_raise("jobs"),
            });
        }
        let change = change_of(&entry)?;
        let form_at = at(entry.f);
        let job = self.tables.job(entry, change, &mut self.address)?;
        let money = job.form.money.as_ref();
        digest_into(job.address.as_str(), &job.fingerprint, money, &mut self.digested);
        if self.digested.len() >= BLOCK {
            self.digest.update(&self.digested);
            self.digested.clear();
        }
        self.counts.add(form_at, &job.change);
        Ok(job)
    }

    /// What the last line says, and what all lines together must give.
    fn finish(&mut self, end: &EndLine) -> Result<(), PlanFileProblem> {
        let wrong = |what: &str| Err(PlanFileProblem::Contradiction(what.to_owned()));
        if self.lines.next(self.limits.line)?.is_some() {
            return Err(PlanFileProblem::Line("something follows the end of the plan".to_owned()));
        }
        // The first line counts, and the last doesn't.
        if end.jobs != self.counts.jobs || end.lines != self.seal.lines {
            return wrong("the last line counts other jobs or lines than there are");
        }
        if end.digest != self.seal.digest() {
            return wrong("the lines are not those that the last line seals");
        }
        let unit = Unit::new(&self.header.summary.unit);
        let (all, to_run) = self.counts.sums(|i| self.tables.forms.get(i).map(|form| &form.one));
        if end.all != all.tally(&unit) || end.to_run != to_run.tally(&unit) {
            return wrong("the last line's totals are not what the jobs add up to");
        }
        let summary = &self.header.summary;
        if let Some(what) = self.counts.contradicts(summary, &self.tables.forms) {
            return Err(PlanFileProblem::Contradiction(format!("in the summary, {what}")));
        }
        self.digest.update(&self.digested);
        self.digested.clear();
        let digest = self.digest.finish();
        if digest != self.header.plan || digest.to_string() != summary.plan {
            return wrong("the jobs are not those of the plan that the first line names");
        }
        Ok(())
    }
}

impl Iterator for PlanReader {
    type Item = Result<FileJob, PlanFileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match self.step() {
            Ok(Some(job)) => Some(Ok(job)),
            Ok(None) => {
                self.ended = true;
                None
            }
            Err(problem) => {
                self.ended = true;
                // A contradiction is of the whole file.
                let line = match &problem {
                    PlanFileProblem::Contradiction(_) | PlanFileProblem::CutShort => None,
                    _ => Some(self.lines.number),
                };
                Some(Err(PlanFileError::new(&self.path, line, problem)))
            }
        }
    }
}

fn at(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

fn wrong(what: impl Into<String>) -> PlanFileProblem {
    PlanFileProblem::Line(what.into())
}

fn change_of(entry: &JobEntry) -> Result<Change, PlanFileProblem> {
    if !entry.why.is_empty() && entry.change != Some(ChangeWord::Changed) {
        return Err(wrong("only a changed job says `why`"));
    }
    Ok(match entry.change {
        None => Change::New,
        Some(ChangeWord::Changed) => Change::Changed { why: entry.why.clone() },
        Some(ChangeWord::Done) => Change::Done,
        Some(ChangeWord::InFlight) => Change::InFlight,
        Some(ChangeWord::Retry) => Change::Retry,
        Some(ChangeWord::Unknown) => Change::Unknown,
    })
}

impl Tables {
    fn check(&self, most: u64) -> Result<(), PlanFileProblem> {
        if self.bytes <= most {
            return Ok(());
        }
        Err(PlanFileProblem::TooMuch {
            what: format!("the file's tables have more than {most} bytes"),
            help: Limits::how_to_raise("jobs"),
        })
    }

    fn enter(&mut self, line: Line) -> Result<(), PlanFileProblem> {
        let pictures = &self.pictures;
        let picture = |n: u32| pictures.get(at(n)).cloned();
        match line {
            Line::Picture(line) => {
                self.pictures.push(Arc::new(line));
                self.used.push(false);
            }
            Line::Recipe(recipe) => self.recipes.push(recipe.into()),
            Line::Subject(line) => {
                let subject = FileSubject::new(line, picture).map_err(wrong)?;
                self.subjects.push(Arc::new(subject));
            }
            Line::Form(line) => {
                let form = Form::new(*line, picture).map_err(wrong)?;
                for n in form.line.references.iter().filter_map(|r| r.picture) {
                    self.used[at(n)] = true;
                }
                self.forms.push(Arc::new(form));
            }
            Line::Header(_) => return Err(wrong("a second header")),
            Line::Job(_) | Line::End(_) => unreachable!("jobs and the end are in no table"),
        }
        Ok(())
    }

    /// The job of a line, checked. `room` is used for its address.
    fn job(
        &mut self,
        entry: JobEntry,
        change: Change,
        room: &mut String,
    ) -> Result<FileJob, PlanFileProblem> {
        let missing = |what, n| wrong(format!("there is no {what} {n} before this job"));
        let form = self.forms.get(at(entry.f)).ok_or_else(|| missing("form", entry.f))?.clone();
        let subject = match entry.s {
            None => None,
            Some(n) => Some(self.subjects.get(at(n)).ok_or_else(|| missing("subject", n))?.clone()),
        };
        let set = subject.as_ref().map(|subject| &*subject.set);
        if form.line.set.as_deref() != set || form.line.kind.is_some() != set.is_some() {
            return Err(wrong("the job's form is for subjects of another set"));
        }
        room.clear();
        room.push_str(subject.as_ref().map_or(crate::address::NONE, |subject| &subject.head));
        room.push_str(&form.tail);
        let own = self.own(&entry, form.line.references.len())?;
        self.use_pictures(&form, subject.as_deref())?;
        let job = FileJob {
            key: JobKey::of(room),
            address: Address::from_stored(room),
            fingerprint: entry.d,
            change,
            form,
            subject,
            own,
        };
        let filled = match &job.subject {
            None => Filling { id: "", values: &[][..], short: "" },
            Some(subject) => Filling { id: &subject.id, values: &subject.values, short: "" },
        };
        let line = &job.form.line;
        let negative = line.negative_prompt.as_ref();
        if ![Some(&line.prompt), negative, Some(&line.out)]
            .into_iter()
            .flatten()
            .all(|p| p.fits(&filled))
        {
            return Err(wrong("a text of the job's form asks for a value that its subject lacks"));
        }
        Ok(job)
    }

    fn own(
        &self,
        entry: &JobEntry,
        references: usize,
    ) -> Result<Option<Arc<Own>>, PlanFileProblem> {
        let JobEntry { recipes, prompt, negative_prompt, out, .. } = entry;
        if recipes.is_none() && prompt.is_none() && negative_prompt.is_none() && out.is_none() {
            return Ok(None);
        }
        let recipe = |n: &Option<u32>| match n {
            None => Ok(None),
            Some(n) => match self.recipes.get(at(*n)) {
                Some(recipe) => Ok(Some(recipe.clone())),
                None => Err(wrong(format!("there is no recipe {n} before this job"))),
            },
        };
        let recipes = match recipes {
            None => None,
            Some(recipes) if recipes.len() != references => {
                return Err(wrong("the job has other recipes than pictures"));
            }
            Some(recipes) => Some(recipes.iter().map(recipe).collect::<Result<_, _>>()?),
        };
        let (prompt, out) = (prompt.clone(), out.clone());
        Ok(Some(Arc::new(Own { recipes, prompt, negative_prompt: negative_prompt.clone(), out })))
    }

    fn use_pictures(
        &mut self,
        form: &Form,
        subject: Option<&FileSubject>,
    ) -> Result<(), PlanFileProblem> {
        for own in form.line.references.iter().filter_map(|reference| reference.own) {
            let found = subject.and_then(|subject| subject.pictures.get(at(own)));
            let Some((n, _)) = found else {
                return Err(wrong(format!("the job's subject has no picture {own}")));
            };
            self.used[at(*n)] = true;
        }
        Ok(())
    }
}

/// What every version's first line says.
#[derive(Deserialize)]
struct AnyFirst {
    header: AnyHeader,
}

#[derive(Deserialize)]
struct AnyHeader {
    format_version: String,
    #[serde(default)]
    program: String,
}

/// The header, the digest of its line, and whether its minor version is newer than this one.
fn first_line(lines: &mut Lines) -> Result<(Header, Digest, bool), PlanFileProblem> {
    let text = match lines.next(LONGEST_HEADER) {
        Ok(Some(text)) => text,
        Ok(None) => return Err(PlanFileProblem::CutShort),
        Err(problem) => return Err(problem),
    };
    if !text.starts_with(BEGINS) {
        return Err(PlanFileProblem::NotAPlanFile("its first line is no header of a plan"));
    }
    let any: AnyFirst = serde_json::from_slice(text).map_err(|e| not_a_line(text, &e))?;
    let AnyHeader { format_version: found, program } = any.header;
    let parse = |text: &str| -> Option<(u32, u32)> {
        let (major, minor) = text.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    let (Some((major, minor)), Some((known, newest))) = (parse(&found), parse(FILE_FORMAT)) else {
        return Err(wrong(format!("`{found}` is no version of a plan file")));
    };
    if major != known {
        return Err(PlanFileProblem::OtherVersion { found, known: FILE_FORMAT, program });
    }
    let digest = digest_of_lines(text);
    match serde_json::from_slice::<Line>(text) {
        Ok(Line::Header(header)) => Ok((*header, digest, minor > newest)),
        Ok(_) => Err(PlanFileProblem::NotAPlanFile("its first line is no header of a plan")),
        Err(error) => Err(not_a_line(text, &error)),
    }
}

/// Whether a line is one object with one key that no line of this version has.
fn is_unknown(text: &[u8]) -> bool {
    const KNOWN: [&str; 7] = ["header", "picture", "recipe", "subject", "form", "job", "end"];
    let Ok(serde_json::Value::Object(line)) = serde_json::from_slice(text) else { return false };
    line.len() == 1 && line.keys().all(|key| !KNOWN.contains(&key.as_str()))
}

fn not_a_line(text: &[u8], error: &serde_json::Error) -> PlanFileProblem {
    if std::str::from_utf8(text).is_err() {
        return wrong("the line is not UTF-8");
    }
    // Its own line is the only one that the parser knows of.
    let text = error.to_string().replace(" at line 1 column ", ", at byte ");
    wrong(format!("this is no line of a plan file: {text}"))
}
