//! Publishing: from a fetched file to a clip in its place, with poster and sidecar.
//!
//! Nothing here ever overwrites different bytes (M9): files are put in place by linking, which
//! fails when the name is taken; then the next free name is taken. All of it may be done again
//! after a crash at any point and leads to the same files. Everything blocks.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::doors::{ClipLook, Files};
use super::setup::RunError;
use super::sidecar::{Provenance, Sidecar};
use crate::digest::Digest;
use crate::ledger::ClipRecord;
use crate::plan::Request;

/// Most names tried for one file; reaching it means that something else is wrong.
const MOST_NAMES: u32 = 10_000;

/// Where a clip goes: its folder exists and is inside the workspace.
pub struct Target {
    disk: Arc<dyn Files>,
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
    /// It is no whole clip; it is where it was fetched to.
    NotAClip {
        /// Why not.
        message: String,
        /// Its bytes' digest.
        digest: Digest,
    },
}

impl Target {
    /// Where the clip of `out` goes. Touches nothing yet.
    pub fn of(
        disk: Arc<dyn Files>,
        workspace: &Path,
        out: &str,
        attempt: i64,
    ) -> Result<Target, RunError> {
        let path = workspace.join(out);
        let unusable = |what: &str| RunError::Files { path: path.clone(), what: what.to_owned() };
        let plain = Path::new(out).components().all(|c| matches!(c, Component::Normal(_)));
        let (Some(name), Some(folder), true) = (path.file_name(), path.parent(), plain) else {
            return Err(unusable("a clip's path must be relative and stay inside the workspace"));
        };
        let name = name.to_string_lossy().into_owned();
        let (stem, extension) = match name.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
            _ => (name.as_str(), String::new()),
        };
        Ok(Target {
            disk,
            relative: out.rsplit_once('/').map_or(String::new(), |(dir, _)| format!("{dir}/")),
            stem: stem.to_owned(),
            extension,
            temporary: folder.join(format!(".{name}.{attempt}.part")),
            folder: folder.to_path_buf(),
        })
    }

    /// The clip's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the folder and clears what an earlier try left there.
    pub fn prepare(&self, workspace: &Path) -> Result<(), RunError> {
        let made = self.disk.make_folder(workspace, &self.folder);
        made.map_err(|e| files(&self.folder, &e))?;
        self.discard()
    }

    /// Removes what was fetched.
    pub fn discard(&self) -> Result<(), RunError> {
        self.disk.remove(&self.temporary).map_err(|e| files(&self.temporary, &e))
    }

    /// Keeps what was fetched, and is no clip, under a name that says so. Returns its path, from
    /// the workspace.
    pub fn keep_aside(&self) -> Result<String, RunError> {
        let extension = format!("{}.unreadable", self.extension);
        let failed = |e: io::Error| files(&self.folder.join(&self.stem), &e);
        let (digest, _) = self.disk.digest(&self.temporary).map_err(failed)?;
        let name = self.place(&self.temporary, &self.stem, &extension, digest).map_err(failed)?;
        self.settle(std::slice::from_ref(&self.temporary)).map_err(failed)?;
        Ok(format!("{}{name}", self.relative))
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
            Err(message) => {
                let found = self.disk.digest(&self.temporary);
                let (digest, _) = found.map_err(|e| files(&self.temporary, &e))?;
                return Ok(Published::NotAClip { message, digest });
            }
        };
        // A clip that can't be decoded here (a codec of another world) goes without a poster.
        let poster = look.poster(&self.temporary).unwrap_or_default();
        // Whoever fetched it has made it durable.
        let read = self.disk.digest(&self.temporary);
        let (digest, bytes) = read.map_err(|e| files(&self.temporary, &e))?;
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
        let failed = |e: io::Error| files(&self.folder.join(stem), &e);
        let mut placed = vec![self.temporary.clone()];
        let mut beside = |extension: &str, bytes: &[u8]| {
            let (temporary, name) = self.write_beside(stem, extension, bytes)?;
            placed.push(temporary);
            Ok(name)
        };
        let poster = poster.map(|jpeg| beside(".jpg", &jpeg)).transpose().map_err(failed)?;
        let sidecar = Sidecar::of(request, from, &record, poster.as_deref())
            .to_json()
            .map_err(|e| RunError::Broken(format!("a sidecar can't be written: {e}")))?;
        beside(".json", sidecar.as_bytes()).map_err(failed)?;
        self.settle(&placed).map_err(failed)?;
        Ok(Published::Clip(record))
    }

    /// Makes the names in the folder durable, and only then lets go of those that the files had
    /// before.
    fn settle(&self, placed: &[PathBuf]) -> io::Result<()> {
        self.disk.sync_folder(&self.folder)?;
        placed.iter().try_for_each(|temporary| self.disk.remove(temporary))
    }

    /// Puts a file beside the clip. Returns what it was called before, and its name.
    fn write_beside(
        &self,
        stem: &str,
        extension: &str,
        bytes: &[u8],
    ) -> io::Result<(PathBuf, String)> {
        let mut temporary = self.temporary.clone().into_os_string();
        temporary.push(extension);
        let temporary = PathBuf::from(temporary);
        self.disk.remove(&temporary)?;
        self.disk.write_new(&temporary, bytes)?;
        self.disk.sync(&[&temporary])?;
        let name = self.place(&temporary, stem, extension, Digest::of(bytes))?;
        Ok((temporary, name))
    }

    /// Gives a synced file its name: the wanted one, unless other bytes have it; then the next
    /// free one. Returns the name, which is not durable yet.
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
            match self.disk.link(from, &to) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    if !self.has_digest(&to, digest) {
                        continue;
                    }
                }
                Err(e) => return Err(e),
            }
            return Ok(name);
        }
        Err(io::Error::other(format!("{MOST_NAMES} names are taken; move some files away")))
    }

    fn has_digest(&self, path: &Path, digest: Digest) -> bool {
        // What can't be read is not the same for sure, and is left alone.
        self.disk.digest(path).is_ok_and(|(found, _)| found == digest)
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
