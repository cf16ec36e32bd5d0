//! The folder of what was fetched: files named by the digests of their bytes, parts of downloads,
//! and a journal of what came since the lock file was written, so that a process that is killed
//! loses nothing.

use std::collections::{BTreeSet, HashSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::media::{LOCK_FILE, LockProblem, Locked, PICTURES, PictureLock};

/// Where parts are.
const PARTS: &str = "parts";
/// What came since the lock file was written.
const JOURNAL: &str = "journal.jsonl";
/// Held while somebody fetches.
const BUSY: &str = "busy.lock";

/// Why the folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreProblem {
    /// Another process fetches.
    #[error(
        "another `kinora fetch` works in this workspace ({0}); wait for it, or stop it and run this \
         again"
    )]
    Busy(PathBuf),
    /// A file can't be read or written.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
    /// The lock file can't be read.
    #[error("{0}")]
    Lock(#[from] LockProblem),
}

/// What pruning removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// URLs that nothing names any more.
    pub urls: u64,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The folder of one workspace, held for this process.
#[derive(Debug)]
pub struct Store {
    workspace: PathBuf,
    folder: PathBuf,
    journal: Option<File>,
    /// What each URL gave, with what came in this process.
    pub lock: PictureLock,
    /// URLs whose lines in the file are to be those of `lock`.
    entered: BTreeSet<String>,
    /// Whether the lock file is not to be changed.
    frozen: bool,
    #[expect(dead_code, reason = "dropping it lets others fetch")]
    busy: File,
}

impl Store {
    /// Takes the folder of a workspace, and what a process that died in it had fetched. Where the
    /// lock file is not to be changed (`frozen`), that is left for the next one.
    ///
    /// # Errors
    /// When another process has it, or it can't be written, or the lock file can't be read.
    pub fn open(workspace: &Path, frozen: bool) -> Result<Self, StoreProblem> {
        let folder = workspace.join(PICTURES);
        let io = |path: &Path| {
            let path = path.to_owned();
            move |e| StoreProblem::Io(path, e)
        };
        std::fs::create_dir_all(folder.join(PARTS)).map_err(io(&folder))?;
        let path = folder.join(BUSY);
        let options = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let busy = options.map_err(io(&path))?;
        match busy.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreProblem::Busy(path)),
            Err(TryLockError::Error(e)) => return Err(StoreProblem::Io(path, e)),
        }
        let lock = PictureLock::read(workspace)?;
        let workspace = workspace.to_owned();
        let entered = BTreeSet::new();
        let mut store = Store { workspace, folder, journal: None, lock, entered, frozen, busy };
        if !frozen {
            store.take_up_journal();
        }
        Ok(store)
    }

    /// Enters what a process fetched that did not come to write the lock file. Of a URL that the
    /// lock file names since the same day or a later one, its line counts: somebody brought it.
    fn take_up_journal(&mut self) {
        let Ok(text) = std::fs::read(self.folder.join(JOURNAL)) else { return };
        for (url, locked) in PictureLock::whole_lines(&text) {
            let newer = self.lock.get(&url).is_none_or(|known| locked.fetched > known.fetched);
            if newer && self.is_here(&locked) {
                self.lock.set(&url, locked);
                self.entered.insert(url);
            }
        }
    }

    /// Where parts of downloads are.
    pub(super) fn parts(&self) -> PathBuf {
        self.folder.join(PARTS)
    }

    /// Whether bytes are here, by their number.
    pub(super) fn is_here(&self, locked: &Locked) -> bool {
        let facts = std::fs::metadata(self.workspace.join(locked.path()));
        facts.is_ok_and(|facts| facts.is_file() && facts.len() == locked.bytes)
    }

    /// Whether the bytes that are here are those of the lock file. Reads all of them.
    pub fn is_intact(&self, locked: &Locked) -> bool {
        let read = File::open(self.workspace.join(locked.path())).and_then(Digest::of_reader);
        read.is_ok_and(|(digest, bytes)| digest == locked.digest && bytes == locked.bytes)
    }

    /// Takes a whole file under the name of its digest.
    pub(super) fn keep(&self, file: &Path, locked: &Locked) -> std::io::Result<()> {
        let to = self.workspace.join(locked.path());
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::rename(file, to)
    }

    /// Enters what a URL gave: in the journal at once, in the lock file by [`Store::save`].
    ///
    /// # Errors
    /// When the journal can't be written.
    pub(super) fn enter(&mut self, url: &str, locked: Locked) -> std::io::Result<()> {
        if self.lock.get(url) == Some(&locked) {
            return Ok(());
        }
        let journal = match &mut self.journal {
            Some(journal) => journal,
            none => {
                let path = self.folder.join(JOURNAL);
                let mut file = OpenOptions::new().create(true).append(true).open(path)?;
                // The last line of a process that was killed may have no end.
                file.write_all(b"\n")?;
                none.insert(file)
            }
        };
        journal.write_all(&PictureLock::line(url, &locked))?;
        self.lock.set(url, locked);
        self.entered.insert(url.to_owned());
        Ok(())
    }

    /// Writes what was entered into the lock file; says whether there was anything. What others
    /// wrote there meanwhile stays, by a merge for instance.
    ///
    /// # Errors
    /// When it can't be read or written. What came is in the journal then.
    pub fn save(&mut self) -> Result<bool, StoreProblem> {
        if self.frozen {
            return Ok(false);
        }
        let entered = !self.entered.is_empty();
        if entered {
            let mut lock = PictureLock::read(&self.workspace)?;
            for url in &self.entered {
                let locked = self.lock.get(url).expect("what is entered is in the lock");
                lock.set(url, locked.clone());
            }
            self.lock = lock;
            self.write()?;
            self.entered.clear();
        }
        self.journal = None;
        // It is read again where it stays, and says nothing new then.
        let _ = std::fs::remove_file(self.folder.join(JOURNAL));
        Ok(entered)
    }

    fn write(&self) -> Result<(), StoreProblem> {
        let path = self.workspace.join(LOCK_FILE);
        self.lock.write(&self.workspace).map_err(|e| StoreProblem::Io(path, e))
    }

    /// Takes URLs out of the lock that are not to be kept, and removes files that it names no more,
    /// but for those of the digests in `also`, and parts of downloads.
    ///
    /// # Errors
    /// When the folder can't be read, a file can't be removed, or the lock file can't be written.
    pub fn prune(
        &mut self,
        keep: impl FnMut(&str) -> bool,
        also: &HashSet<Digest>,
    ) -> Result<Pruned, StoreProblem> {
        assert!(!self.frozen, "whoever prunes may change the lock file");
        self.save()?;
        self.lock = PictureLock::read(&self.workspace)?;
        let mut pruned = Pruned { urls: self.lock.retain(keep) as u64, ..Pruned::default() };
        // First the lock: it never names what is gone.
        if pruned.urls > 0 {
            self.write()?;
        }
        let mut named: HashSet<Digest> = self.lock.iter().map(|(_, l)| l.digest).collect();
        named.extend(also);
        let digest =
            |name: &str| Digest::parse(name.split_once('.').map_or(name, |(stem, _)| stem));
        let folders = entries(&self.folder)?.into_iter();
        for folder in folders.filter(|path| path.is_dir()) {
            let parts = folder.ends_with(PARTS);
            for file in entries(&folder)? {
                let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let kept = digest(&name).map(|digest| named.contains(&digest));
                // What Kinora has not put there is not its to remove.
                if !parts && kept != Some(false) {
                    continue;
                }
                let bytes = std::fs::metadata(&file).map_or(0, |facts| facts.len());
                std::fs::remove_file(&file).map_err(|e| StoreProblem::Io(file.clone(), e))?;
                pruned.files += 1;
                pruned.bytes += bytes;
            }
            if !parts {
                // A folder that holds something stays.
                let _ = std::fs::remove_dir(&folder);
            }
        }
        Ok(pruned)
    }
}

/// What is in a folder, sorted.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreProblem> {
    let io = |e| StoreProblem::Io(folder.to_owned(), e);
    let read = std::fs::read_dir(folder).map_err(io)?;
    let paths = read.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> = paths.collect::<Result<_, _>>().map_err(io)?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Format;

    const URL: &str = "https://cdn.example.com/a.jpg";

    /// Bytes that are kept, as they stand in a lock.
    fn kept(store: &Store, of: &[u8], day: &str) -> Locked {
        let locked = Locked {
            digest: Digest::of(of),
            bytes: of.len() as u64,
            format: Format::Jpeg,
            etag: None,
            last_modified: None,
            fetched: day.parse().expect("a day"),
        };
        let file = store.parts().join("new.part");
        std::fs::write(&file, of).expect("it is written");
        store.keep(&file, &locked).expect("it is kept");
        locked
    }

    fn open(workspace: &Path) -> Store {
        Store::open(workspace, false).expect("it opens")
    }

    #[test]
    fn what_a_killed_process_entered_is_taken_up_though_another_tore_the_journal() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = open(folder.path());
        let torn = store.folder.join(JOURNAL);
        std::fs::write(torn, "{\"url\":\"https://cdn.example.com/b").expect("it is written");
        let locked = kept(&store, b"a", "2026-11-02");
        store.enter(URL, locked.clone()).expect("it is entered");
        drop(store);
        let mut store = open(folder.path());
        assert_eq!(store.lock.get(URL), Some(&locked));
        assert!(store.save().is_ok_and(|written| written));
        assert!(!store.folder.join(JOURNAL).exists());
    }

    #[test]
    fn a_line_of_the_lock_file_counts_more_than_an_older_one_of_the_journal() {
        for (then, taken) in [("2026-11-01", false), ("2026-11-02", false), ("2026-11-03", true)] {
            let folder = tempfile::tempdir().expect("a folder");
            let mut store = open(folder.path());
            let killed = kept(&store, b"killed", then);
            store.enter(URL, killed.clone()).expect("it is entered");
            drop(store);
            // As version control brings it.
            let mut lock = PictureLock::default();
            let mut brought = killed.clone();
            brought.digest = Digest::of(b"brought");
            brought.fetched = "2026-11-02".parse().expect("a day");
            lock.set(URL, brought.clone());
            lock.write(folder.path()).expect("it is written");
            let store = open(folder.path());
            let expected = if taken { killed } else { brought };
            assert_eq!(store.lock.get(URL), Some(&expected), "{then}");
        }
    }

    #[test]
    fn what_others_wrote_into_the_lock_file_meanwhile_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = open(folder.path());
        let locked = kept(&store, b"a", "2026-11-02");
        store.enter(URL, locked.clone()).expect("it is entered");
        let mut merged = PictureLock::default();
        let other = "https://cdn.example.com/b.jpg";
        merged.set(other, locked.clone());
        merged.write(folder.path()).expect("it is written");
        store.save().expect("it is saved");
        let lock = PictureLock::read(folder.path()).expect("a lock");
        assert_eq!((lock.get(URL), lock.get(other)), (Some(&locked), Some(&locked)));
    }

    #[test]
    fn a_frozen_lock_file_is_not_changed_and_the_journal_waits() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = open(folder.path());
        let locked = kept(&store, b"a", "2026-11-02");
        store.enter(URL, locked).expect("it is entered");
        drop(store);
        let mut frozen = Store::open(folder.path(), true).expect("it opens");
        assert_eq!((frozen.lock.len(), frozen.save().ok()), (0, Some(false)));
        drop(frozen);
        assert_eq!(open(folder.path()).lock.len(), 1);
    }
}
