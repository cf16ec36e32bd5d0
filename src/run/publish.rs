//! Publishing: from a fetched file to a clip in its place, with poster and sidecar.
//!
//! Nothing here ever overwrites different bytes (M9): files are put in place by linking, which
//! fails when the name is taken; then the next free name is taken. All of it may be done again
//! after a crash at any point and leads to the same files. Everything blocks.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use super::doors::ClipLook;
use super::setup::RunError;
use super::sidecar::{Provenance, Sidecar};
use crate::digest::Digest;
use crate::ledger::ClipRecord;
use crate::plan::Request;

/// Most names tried for one file; reaching it means that something else is wrong.
const MOST_NAMES: u32 = 10_000;

/// Where a clip goes: its folder exists and is inside the workspace.
#[derive(Debug)]
pub struct Target {
    folder: PathBuf,
    /// The folder relative to the workspace, `/` between parts, with a `/` at the end.
    relative: String,
    stem: String,
    extension: String,
    /// Where the provider writes it; does not exist.
    pub temporary: PathBuf,
}

/// What became of a fetched file.
#[derive(Debug)]
pub enum Published {
    /// It stands in its place, synced, with poster and sidecar.
    Clip(ClipRecord),
    /// It is no whole clip; it was removed.
    NotAClip(String),
}

impl Target {
    /// Makes the folder of `out` and clears what an earlier try left there.
    pub fn prepare(workspace: &Path, out: &str, attempt: i64) -> Result<Target, RunError> {
        let path = workspace.join(out);
        let unusable = |what: &str| RunError::Files { path: path.clone(), what: what.to_owned() };
        let plain = Path::new(out).components().all(|c| matches!(c, Component::Normal(_)));
        let (Some(name), Some(folder), true) = (path.file_name(), path.parent(), plain) else {
            return Err(unusable("a clip's path must be relative and stay inside the workspace"));
        };
        let name = name.to_string_lossy().into_owned();
        make_folder(workspace, folder).map_err(|e| files(folder, &e))?;
        let (stem, extension) = match name.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
            _ => (name.as_str(), String::new()),
        };
        let temporary = folder.join(format!(".{name}.{attempt}.part"));
        remove_if_there(&temporary).map_err(|e| files(&temporary, &e))?;
        Ok(Target {
            folder: folder.to_path_buf(),
            relative: out.rsplit_once('/').map_or(String::new(), |(dir, _)| format!("{dir}/")),
            stem: stem.to_owned(),
            extension,
            temporary,
        })
    }

    /// Removes what was fetched.
    pub fn discard(&self) -> Result<(), RunError> {
        remove_if_there(&self.temporary).map_err(|e| files(&self.temporary, &e))
    }

    /// Checks the fetched file and puts it, its poster and its sidecar in place.
    pub fn publish(
        &self,
        look: &dyn ClipLook,
        request: &Request,
        from: &Provenance,
    ) -> Result<Published, RunError> {
        let facts = match look.inspect(&self.temporary) {
            Ok(facts) => facts,
            Err(why) => {
                self.discard()?;
                return Ok(Published::NotAClip(why));
            }
        };
        // A clip that can't be decoded here (a codec of another world) goes without a poster.
        let poster = look.poster(&self.temporary).unwrap_or_default();
        let (digest, bytes) = self.seal().map_err(|e| files(&self.temporary, &e))?;
        let name = self
            .place(&self.temporary, &self.stem, &self.extension, digest)
            .map_err(|e| files(&self.folder.join(&self.stem), &e))?;
        let record = ClipRecord {
            path: format!("{}{name}", self.relative),
            digest,
            bytes,
            width: facts.width,
            height: facts.height,
            duration_ms: facts.duration_ms,
            frames: facts.frames,
        };
        let stem = name.strip_suffix(&self.extension).unwrap_or(&name);
        let beside = |extension: &str, bytes: &[u8]| {
            self.write_beside(stem, extension, bytes)
                .map_err(|e| files(&self.folder.join(stem), &e))
        };
        let poster = poster.map(|jpeg| beside(".jpg", &jpeg)).transpose()?;
        let sidecar = Sidecar::of(request, from, &record, poster.as_deref())
            .to_json()
            .map_err(|e| RunError::Broken(format!("a sidecar can't be written: {e}")))?;
        beside(".json", sidecar.as_bytes())?;
        Ok(Published::Clip(record))
    }

    /// Syncs the fetched file; its digest and length are what is on disk.
    fn seal(&self) -> io::Result<(Digest, u64)> {
        let file = File::open(&self.temporary)?;
        file.sync_all()?;
        Digest::of_reader(&file)
    }

    fn write_beside(&self, stem: &str, extension: &str, bytes: &[u8]) -> io::Result<String> {
        let mut temporary = self.temporary.clone().into_os_string();
        temporary.push(extension);
        let temporary = PathBuf::from(temporary);
        remove_if_there(&temporary)?;
        let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        self.place(&temporary, stem, extension, Digest::of(bytes))
    }

    /// Gives a synced file its name: the wanted one, unless other bytes have it; then the next
    /// free one. Returns the name, durable.
    fn place(
        &self,
        from: &Path,
        stem: &str,
        extension: &str,
        digest: Digest,
    ) -> io::Result<String> {
        for n in 1..=MOST_NAMES {
            let name = match n {
                1 => format!("{stem}{extension}"),
                n => format!("{stem}-{n}{extension}"),
            };
            let to = self.folder.join(&name);
            match put_in_place(from, &to) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    if !has_digest(&to, digest) {
                        continue;
                    }
                }
                Err(e) => return Err(e),
            }
            sync_folder(&self.folder)?;
            remove_if_there(from)?;
            return Ok(name);
        }
        Err(io::Error::other(format!("{MOST_NAMES} names are taken; move some files away")))
    }
}

/// Links `from` to `to`, which must not exist. Where the file system has no links, the name is
/// taken first and the file moved over the empty one.
fn put_in_place(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(e)
            if matches!(e.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied) =>
        {
            OpenOptions::new().write(true).create_new(true).open(to)?;
            fs::rename(from, to)
        }
        linked => linked,
    }
}

fn has_digest(path: &Path, digest: Digest) -> bool {
    // What can't be read is not the same for sure, and is left alone.
    File::open(path).and_then(Digest::of_reader).is_ok_and(|(found, _)| found == digest)
}

/// Makes a folder and its parents durable, without leaving the workspace by a link.
fn make_folder(workspace: &Path, folder: &Path) -> io::Result<()> {
    let inside = workspace.canonicalize()?;
    let existing = folder.ancestors().find(|a| a.exists()).unwrap_or(workspace);
    if !existing.canonicalize()?.starts_with(&inside) {
        return Err(io::Error::other("a link leads out of the workspace"));
    }
    if !existing.is_dir() {
        let what = "a file is where a folder should be";
        return Err(io::Error::new(io::ErrorKind::NotADirectory, what));
    }
    if existing == folder {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    for made in folder.ancestors().take_while(|a| *a != existing) {
        sync_folder(made)?;
    }
    sync_folder(existing)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    // Elsewhere folders can't be opened, and names are durable with their files.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn files(path: &Path, error: &io::Error) -> RunError {
    let what = match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full; make room and start again".to_owned(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            format!("a clip can't be written here ({error}); allow it and start again")
        }
        _ => format!("a clip can't be put in place ({error})"),
    };
    RunError::Files { path: path.to_path_buf(), what }
}
