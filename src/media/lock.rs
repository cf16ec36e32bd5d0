//! The lock file of pictures that come from URLs: which bytes each URL had when it was fetched, so
//! that a plan names exact bytes, on every machine that has the file.
//!
//! JSON lines, sorted by URL, so that two people's additions merge and a difference can be read.
//! What lives here: the file's form, reading and writing it. What never does: sockets, the files
//! of the pictures themselves beyond what they are called.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use jiff::civil::Date;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::pictures::{Format, PictureTable, Stamp};
use crate::digest::Digest;

/// Name of the lock file, beside the manifest.
pub const LOCK_FILE: &str = "pictures.lock";

/// Folder of the fetched pictures, relative to the workspace.
pub const PICTURES: &str = ".kinora/pictures";

/// Bytes of a lock file that are read: some millions of URLs.
const MOST_BYTES: u64 = 2 << 30;

/// The version of the file's form that is written, and the newest that is read.
const VERSION: u32 = 1;

/// What a URL gave when it was fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locked {
    /// Digest of the bytes.
    pub digest: Digest,
    /// How many bytes.
    pub bytes: u64,
    /// Format by the bytes.
    pub format: Format,
    /// What the server called these bytes, for asking whether they are still the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// When the server said that they changed last, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// Day on which these bytes were fetched first (UTC). Asking again, and hearing that they are
    /// the same, changes nothing.
    pub fetched: Date,
}

impl Locked {
    /// Where its bytes are kept, relative to the workspace: under their digest, so that no URL can
    /// choose a path, and equal pictures are kept once.
    pub fn path(&self) -> String {
        kept_path(&self.digest, self.format)
    }
}

/// Where bytes are kept, relative to the workspace.
pub fn kept_path(digest: &Digest, format: Format) -> String {
    let name = digest.to_string();
    format!("{PICTURES}/{}/{name}.{}", &name[..2], format.extension())
}

/// One line of the file, as it is written.
#[derive(Serialize)]
struct Line<'a> {
    url: &'a str,
    #[serde(flatten)]
    locked: &'a Locked,
}

/// One line of the file, as it is read.
#[derive(Deserialize)]
struct ReadLine {
    url: String,
    #[serde(flatten)]
    locked: Locked,
}

/// The first line of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    /// Version of the file's form.
    pictures_lock: u32,
}

/// What is wrong with a lock file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LockProblem {
    /// What, one sentence without a full stop.
    pub message: String,
    /// What to do.
    pub help: &'static str,
    /// The line, from 1, where it is about one.
    pub line: Option<usize>,
}

/// The lock of a workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PictureLock {
    by_url: BTreeMap<Box<str>, Locked>,
}

impl PictureLock {
    /// Reads the lock of a workspace; one without the file has an empty lock.
    ///
    /// # Errors
    /// When the file can't be read, or is no lock file.
    pub fn read(workspace: &Path) -> Result<Self, LockProblem> {
        let path = workspace.join(LOCK_FILE);
        let unreadable = |e: std::io::Error| LockProblem {
            message: format!("`{LOCK_FILE}` can't be read: {e}"),
            help: "make it readable, or restore it from version control",
            line: None,
        };
        match std::fs::metadata(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(PictureLock::default()),
            Err(e) => return Err(unreadable(e)),
            Ok(facts) if facts.len() > MOST_BYTES => {
                return Err(LockProblem {
                    message: format!("`{LOCK_FILE}` has more than {MOST_BYTES} bytes"),
                    help: "it can't be a lock file; restore it from version control",
                    line: None,
                });
            }
            Ok(_) => {}
        }
        Self::parse(&std::fs::read(&path).map_err(unreadable)?)
    }

    /// Reads the text of a lock file. Of a URL that stands there twice, as after a merge that keeps
    /// both sides, the later day counts.
    ///
    /// # Errors
    /// What is wrong with the first line that can't be read.
    pub fn parse(text: &[u8]) -> Result<Self, LockProblem> {
        let lines: Vec<(usize, &[u8])> = (1..).zip(text.split(|byte| *byte == b'\n')).collect();
        let read: Vec<Option<ReadLine>> = lines
            .par_iter()
            .map(|(number, bytes)| line(*number, bytes.trim_ascii()))
            .collect::<Result<_, _>>()?;
        let mut lock = PictureLock::default();
        for ReadLine { url, locked } in read.into_iter().flatten() {
            let later =
                |known: &Locked| (locked.fetched, locked.digest) > (known.fetched, known.digest);
            if lock.get(&url).is_none_or(later) {
                lock.by_url.insert(url.into(), locked);
            }
        }
        Ok(lock)
    }

    /// What a URL gave.
    pub fn get(&self, url: &str) -> Option<&Locked> {
        self.by_url.get(url)
    }

    /// Enters what a URL gave.
    pub fn set(&mut self, url: &str, locked: Locked) {
        self.by_url.insert(url.into(), locked);
    }

    /// Keeps only some URLs; says how many went.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) -> usize {
        let before = self.by_url.len();
        self.by_url.retain(|url, _| keep(url));
        before - self.by_url.len()
    }

    /// All of it, by URL.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Locked)> {
        self.by_url.iter().map(|(url, locked)| (&**url, locked))
    }

    /// Says of each picture that has a URL where its bytes are kept, and looks whether they are
    /// there: by their number alone, as what they are is for probing.
    pub fn settle(&self, table: &mut PictureTable, workspace: &Path) {
        table.items_mut().par_iter_mut().for_each(|picture| {
            let Some(source) = &mut picture.source else { return };
            let locked = self.get(&source.url);
            source.locked = locked.map(|locked| locked.digest);
            picture.path = locked.map(Locked::path).unwrap_or_default().into();
            picture.stamp = locked.and_then(|locked| {
                let facts = std::fs::metadata(workspace.join(&*picture.path)).ok()?;
                let there = facts.is_file() && facts.len() == locked.bytes;
                there.then(|| Stamp::of(&facts))
            });
            picture.facts = None;
        });
    }

    /// Whether it names no URL.
    pub fn is_empty(&self) -> bool {
        self.by_url.is_empty()
    }

    /// How many URLs it names.
    pub fn len(&self) -> usize {
        self.by_url.len()
    }

    /// The text of the file: the same lock, the same bytes.
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(64 + self.by_url.len() * 256);
        put(&mut text, &Head { pictures_lock: VERSION });
        for (url, locked) in &self.by_url {
            put(&mut text, &Line { url, locked });
        }
        text
    }

    /// One line of the file, for a journal.
    pub fn line(url: &str, locked: &Locked) -> Vec<u8> {
        let mut text = Vec::new();
        put(&mut text, &Line { url, locked });
        text
    }

    /// The lines of a journal that are whole: its writer may have been killed in the last one.
    pub fn whole_lines(journal: &[u8]) -> Vec<(String, Locked)> {
        let lines = journal.split(|byte| *byte == b'\n');
        let read = lines.filter_map(|text| serde_json::from_slice::<ReadLine>(text).ok());
        read.map(|line| (line.url, line.locked)).collect()
    }

    /// Writes it beside the manifest, so that a crash leaves the old file or the new one.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write(&self, workspace: &Path) -> std::io::Result<()> {
        let mut file = tempfile::Builder::new();
        // A temporary file is private by default; this one is for whoever may read the workspace.
        #[cfg(unix)]
        let file = file.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = file.tempfile_in(workspace)?;
        file.write_all(&self.text())?;
        file.as_file().sync_all()?;
        file.persist(workspace.join(LOCK_FILE)).map_err(|e| e.error)?;
        Ok(())
    }
}

fn put(text: &mut Vec<u8>, line: &impl Serialize) {
    serde_json::to_writer(&mut *text, line).expect("a line is always JSON");
    text.push(b'\n');
}

/// One line; nothing for the first one, and for an empty one.
fn line(number: usize, bytes: &[u8]) -> Result<Option<ReadLine>, LockProblem> {
    let wrong = |what: String, help| {
        Err(LockProblem { message: format!("`{LOCK_FILE}` {what}"), help, line: Some(number) })
    };
    if bytes.is_empty() {
        return Ok(None);
    }
    if [&b"<<<<<<<"[..], b"=======", b">>>>>>>", b"|||||||"].iter().any(|m| bytes.starts_with(m)) {
        let help = "take the lines that begin with <<<<<<<, ======= and >>>>>>> out of it; of a URL \
                    that stands there twice, the later day counts";
        return wrong(format!("holds a merge conflict in line {number}"), help);
    }
    if let Ok(head) = serde_json::from_slice::<Head>(bytes) {
        if head.pictures_lock <= VERSION {
            return Ok(None);
        }
        return wrong("was written by a newer Kinora".to_owned(), "update Kinora");
    }
    match serde_json::from_slice::<ReadLine>(bytes) {
        Ok(line) => Ok(Some(line)),
        Err(e) => wrong(
            format!("is damaged in line {number}: {e}"),
            "restore it from version control, or delete the line and run `kinora fetch`",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(of: &[u8], day: &str) -> Locked {
        Locked {
            digest: Digest::of(of),
            bytes: of.len() as u64,
            format: Format::Jpeg,
            etag: Some("\"a\"".to_owned()),
            last_modified: None,
            fetched: day.parse().expect("a day"),
        }
    }

    fn two() -> PictureLock {
        let mut lock = PictureLock::default();
        lock.set("https://cdn.example.com/b.jpg", locked(b"b", "2026-11-02"));
        lock.set("https://cdn.example.com/a.jpg", locked(b"a", "2026-11-01"));
        lock
    }

    #[test]
    fn what_is_written_is_read_again_and_is_sorted() {
        let text = two().text();
        assert_eq!(PictureLock::parse(&text), Ok(two()));
        let text = String::from_utf8(text).expect("text");
        let first: String = text.lines().nth(1).expect("a line").chars().take(42).collect();
        assert_eq!(text.lines().next(), Some("{\"pictures_lock\":1}"));
        assert_eq!(first, "{\"url\":\"https://cdn.example.com/a.jpg\",\"d");
    }

    #[test]
    fn lines_of_both_sides_of_a_merge_may_stand_side_by_side() {
        let url = "https://cdn.example.com/a.jpg";
        let mut other = two();
        other.set(url, locked(b"new", "2026-11-05"));
        for text in [[two().text(), other.text()].concat(), [other.text(), two().text()].concat()] {
            assert_eq!(PictureLock::parse(&text), Ok(other.clone()));
        }
    }

    #[test]
    fn what_is_no_lock_is_said_with_its_line() {
        let good = String::from_utf8(two().text()).expect("text");
        for (text, line, says) in [
            (format!("{good}<<<<<<< HEAD\n"), 4, "merge conflict"),
            (format!("{good}{{\"url\":\"x\"}}\n"), 4, "damaged"),
            ("{\"pictures_lock\":2}\n".to_owned(), 1, "newer"),
            ("%PDF".to_owned(), 1, "damaged"),
        ] {
            let problem = PictureLock::parse(text.as_bytes()).expect_err("no lock");
            assert_eq!(problem.line, Some(line), "{problem}");
            assert!(problem.message.contains(says), "{problem}");
        }
    }

    #[test]
    fn no_line_chooses_a_path() {
        let evil = r#"{"url":"https://a.example/x","digest":"../../../../etc/passwd","bytes":1,"format":"jpeg","fetched":"2026-11-01"}"#;
        assert!(PictureLock::parse(evil.as_bytes()).is_err());
        let path = locked(b"a", "2026-11-01").path();
        assert!(path.starts_with(".kinora/pictures/17/17762fddd969a453"), "{path}");
        assert!(path.ends_with(".jpg"));
    }
}
