//! The files of a workspace on a real disk.
//!
//! What lives here: the single operations, each as durable as [`Files`] promises. What never does:
//! their order (that is `publish`).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::doors::Files;
use crate::digest::Digest;
use crate::providers::Answer;

/// The disk.
#[derive(Debug, Default, Clone, Copy)]
pub struct DiskFiles;

impl Files for DiskFiles {
    fn work<'a>(&'a self, work: Box<dyn FnOnce() + Send>) -> Answer<'a, ()> {
        Box::pin(async {
            if let Err(stopped) = tokio::task::spawn_blocking(work).await
                && let Ok(panic) = stopped.try_into_panic()
            {
                std::panic::resume_unwind(panic);
            }
        })
    }

    fn make_folder(&self, workspace: &Path, folder: &Path) -> io::Result<()> {
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
            self.sync_folder(made)?;
        }
        self.sync_folder(existing)
    }

    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        OpenOptions::new().write(true).create_new(true).open(path)?.write_all(bytes)
    }

    fn sync(&self, paths: &[&Path]) -> io::Result<()> {
        paths.iter().try_for_each(|path| File::open(path)?.sync_all())
    }

    fn digest(&self, path: &Path) -> io::Result<(Digest, u64)> {
        Digest::of_reader(File::open(path)?)
    }

    /// Where the file system has no links, the name is taken first and the file moved over the
    /// empty one.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        match fs::hard_link(from, to) {
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied
                ) =>
            {
                OpenOptions::new().write(true).create_new(true).open(to)?;
                fs::rename(from, to)
            }
            linked => linked,
        }
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        // Elsewhere folders can't be opened, and names are durable with their files.
        if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }
}
