//! A disk that forgets: bytes are durable after a sync, names after a sync of their folder. What
//! was not synced may be lost, torn or kept when the process ends with the power.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use kinora::digest::Digest;
use kinora::providers::Answer;
use kinora::run::{ClipFacts, ClipLook, Files};

use crate::dice::Dice;
use crate::mutants::Mutant;
use crate::world::{Sim, World};

struct Inode {
    bytes: Vec<u8>,
    synced: bool,
}

struct NameChange {
    path: PathBuf,
    inode: Option<usize>,
}

/// The files of the workspace.
#[derive(Default)]
pub struct Disk {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    unsynced_names: Vec<NameChange>,
    folders: BTreeSet<PathBuf>,
    writes: u64,
    /// Links that a mutant makes later.
    put_off: Vec<(PathBuf, PathBuf)>,
}

impl Disk {
    /// The bytes under a name, as the process sees them.
    pub fn read(&self, path: &Path) -> Option<&[u8]> {
        self.names.get(path).map(|inode| &self.inodes[*inode].bytes[..])
    }

    /// The same, if they would surely be there after a power cut.
    pub fn read_durable(&self, path: &Path) -> Option<&[u8]> {
        let inode = &self.inodes[*self.durable_names.get(path)?];
        inode.synced.then_some(&inode.bytes[..])
    }

    /// Writes a file that does not exist yet.
    pub fn write_new(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if self.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !path.parent().is_some_and(|folder| self.folders.contains(folder)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.inodes.push(Inode { bytes: bytes.to_vec(), synced: false });
        self.change_name(path, Some(self.inodes.len() - 1));
        Ok(())
    }

    /// Puts a file in place for good, as a person would long before.
    pub fn place(&mut self, path: &Path, bytes: &[u8]) {
        self.inodes.push(Inode { bytes: bytes.to_vec(), synced: true });
        self.names.insert(path.to_owned(), self.inodes.len() - 1);
        self.durable_names.insert(path.to_owned(), self.inodes.len() - 1);
    }

    fn change_name(&mut self, path: &Path, inode: Option<usize>) {
        match inode {
            Some(inode) => self.names.insert(path.to_owned(), inode),
            None => self.names.remove(path),
        };
        self.unsynced_names.push(NameChange { path: path.to_owned(), inode });
    }

    /// Makes the bytes of a file durable.
    pub fn sync(&mut self, path: &Path) -> io::Result<()> {
        let inode = *self.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        self.inodes[inode].synced = true;
        Ok(())
    }

    fn link(&mut self, from: &Path, to: &Path, overwrites: bool) -> io::Result<()> {
        let inode = *self.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        if self.names.contains_key(to) && !overwrites {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.change_name(to, Some(inode));
        Ok(())
    }

    fn sync_folder(&mut self, folder: &Path) {
        let (these, others) = std::mem::take(&mut self.unsynced_names)
            .into_iter()
            .partition(|change| change.path.parent() == Some(folder));
        self.unsynced_names = others;
        let these: Vec<NameChange> = these;
        for change in these {
            self.keep(change);
        }
    }

    fn keep(&mut self, change: NameChange) {
        match change.inode {
            Some(inode) => self.durable_names.insert(change.path, inode),
            None => self.durable_names.remove(&change.path),
        };
    }

    fn remove(&mut self, path: &Path) {
        if self.names.contains_key(path) {
            self.change_name(path, None);
        }
    }

    /// The power goes: any part of what was not synced is lost.
    pub fn cut(&mut self, dice: &mut Dice) {
        for change in std::mem::take(&mut self.unsynced_names) {
            if dice.percent(50) {
                self.keep(change);
            }
        }
        for inode in self.inodes.iter_mut().filter(|inode| !inode.synced) {
            let whole = inode.bytes.len() as u64;
            let kept = match dice.below(3) {
                0 => 0,
                1 => dice.between(0, whole),
                _ => whole,
            };
            inode.bytes.truncate(usize::try_from(kept).expect("shorter than it was"));
            inode.synced = true;
        }
        self.names = self.durable_names.clone();
    }

    /// The process goes, but the machine stays: nothing is lost.
    pub fn settle(&mut self) {
        for change in std::mem::take(&mut self.unsynced_names) {
            self.keep(change);
        }
        self.inodes.iter_mut().for_each(|inode| inode.synced = true);
        self.names = self.durable_names.clone();
    }
}

fn dead() -> io::Error {
    io::Error::other("this process is dead")
}

/// The disk as the run sees it.
pub struct SimFiles(pub Sim);

impl SimFiles {
    /// One operation between two boundaries. After the end of the process nothing is done.
    fn operate<T>(
        &self,
        point: &'static str,
        path: &Path,
        operation: impl FnOnce(&mut World) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut world = self.0.lock();
        if world.tick(point) {
            return Err(dead());
        }
        let result = operation(&mut world);
        let name = path.to_string_lossy();
        let how = if result.is_ok() { "done" } else { "failed" };
        world.note(point, &name, format_args!("{how}"));
        if world.tick(point) { Err(dead()) } else { result }
    }

    /// The same for what needs room.
    fn write<T>(
        &self,
        point: &'static str,
        path: &Path,
        operation: impl FnOnce(&mut World) -> io::Result<T>,
    ) -> io::Result<T> {
        self.operate(point, path, |world| {
            world.disk.writes += 1;
            let writes = world.disk.writes;
            if world.life().faults.disk_full_at.is_some_and(|at| writes >= at) {
                world.count("writes of clips on a full disk");
                return Err(io::ErrorKind::StorageFull.into());
            }
            operation(world)
        })
    }
}

impl Files for SimFiles {
    fn work<'a>(&'a self, work: Box<dyn FnOnce() + Send>) -> Answer<'a, ()> {
        Box::pin(async move {
            self.0.tick("work on files").await;
            work();
            self.0.tick("work on files").await;
        })
    }

    /// Slow, so that much happens meanwhile; the process may end before, while and after.
    fn compute<'a>(&'a self, work: Box<dyn FnOnce() + Send>) -> Answer<'a, ()> {
        Box::pin(async move {
            self.0.tick("look at a clip").await;
            let ms = {
                let mut world = self.0.lock();
                let most = world.dice.pick(&[10, 2_000, 60_000]);
                world.dice.between(0, most)
            };
            tokio::time::sleep(std::time::Duration::from_millis(ms)).await;
            self.0.tick("look at a clip").await;
            work();
            self.0.tick("look at a clip").await;
        })
    }

    fn make_folder(&self, _: &Path, folder: &Path) -> io::Result<()> {
        self.operate("make folder", folder, |world| {
            for (from, to) in std::mem::take(&mut world.disk.put_off) {
                world.disk.link(&from, &to, false)?;
            }
            world.disk.folders.insert(folder.to_owned());
            Ok(())
        })
    }

    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.write("write", path, |world| world.disk.write_new(path, bytes))
    }

    fn sync(&self, paths: &[&Path]) -> io::Result<()> {
        for path in paths {
            self.operate("sync", path, |world| match world.is(Mutant::SyncDoesNothing) {
                true => Ok(()),
                false => world.disk.sync(path),
            })?;
        }
        Ok(())
    }

    fn digest(&self, path: &Path) -> io::Result<(Digest, u64)> {
        let world = self.0.lock();
        if world.fuse.dead {
            return Err(dead());
        }
        let bytes = world.disk.read(path).ok_or(io::ErrorKind::NotFound)?;
        Ok((Digest::of(bytes), bytes.len() as u64))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.write("link", to, |world| {
            if world.is(Mutant::DoneBeforeTheFile) {
                world.disk.put_off.push((from.to_owned(), to.to_owned()));
                return Ok(());
            }
            let overwrites = world.is(Mutant::LinkOverwrites);
            world.disk.link(from, to, overwrites)
        })
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.operate("sync folder", folder, |world| {
            if !world.is(Mutant::SyncFolderDoesNothing) {
                world.disk.sync_folder(folder);
            }
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.operate("remove", path, |world| {
            world.disk.remove(path);
            Ok(())
        })
    }
}

/// What every clip of these worlds begins and ends with.
const HEAD: &[u8] = b"CLIP of ";
const TAIL: &[u8] = b" END";

/// The clip of one generation: no two are alike.
pub fn clip_bytes(fingerprint: &str, id: &str) -> Vec<u8> {
    [HEAD, fingerprint.as_bytes(), b" as ", id.as_bytes(), TAIL].concat()
}

impl ClipLook for SimFiles {
    fn inspect(&self, clip: &Path) -> Result<ClipFacts, String> {
        let world = self.0.lock();
        let whole = world
            .disk
            .read(clip)
            .is_some_and(|bytes| bytes.starts_with(HEAD) && bytes.ends_with(TAIL));
        let facts = ClipFacts { width: 720, height: 1280, duration_ms: 5000, frames: 120 };
        if whole { Ok(facts) } else { Err("it is no whole clip".to_owned()) }
    }

    fn poster(&self, clip: &Path) -> Result<Option<Vec<u8>>, String> {
        let world = self.0.lock();
        Ok(world.disk.read(clip).map(|bytes| [b"JPEG of ", bytes].concat()))
    }
}
