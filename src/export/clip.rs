//! Clips as they lie on disk now.

use std::path::{Component, Path, PathBuf};

use crate::ledger::ClipRecord;
use crate::media::c2pa::{Credentials, credentials};

/// A finished clip, and what became of its file.
#[derive(Debug, Clone)]
pub struct Clip {
    /// As it was published.
    pub record: ClipRecord,
    /// Its file now.
    pub disk: OnDisk,
    /// Whether it carries Content Credentials; absent where it can't be told.
    pub credentials: Option<Credentials>,
}

/// A clip's file now, as far as its length tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnDisk {
    /// It is there, as long as it was.
    Whole,
    /// It is not there.
    Missing,
    /// It has another length.
    Changed {
        /// Bytes now.
        bytes: u64,
    },
    /// It can't be read.
    Unreadable(String),
}

impl OnDisk {
    /// What is wrong, after the file's name; absent where nothing is.
    pub fn problem(&self) -> Option<String> {
        match self {
            OnDisk::Whole => None,
            OnDisk::Missing => Some("is not on disk".to_owned()),
            OnDisk::Changed { bytes } => {
                Some(format!("has {bytes} bytes now, and is not the clip that was made"))
            }
            OnDisk::Unreadable(why) => Some(format!("can't be read: {why}")),
        }
    }
}

impl Clip {
    /// Looks at a clip's file.
    pub(super) fn look(workspace: &Path, record: ClipRecord) -> Self {
        let Some(path) = inside(workspace, &record.path) else {
            let disk = OnDisk::Unreadable("its path leads out of the workspace".to_owned());
            return Clip { record, disk, credentials: None };
        };
        let disk = match std::fs::metadata(&path) {
            Ok(found) if found.len() == record.bytes && found.is_file() => OnDisk::Whole,
            Ok(found) if found.is_file() => OnDisk::Changed { bytes: found.len() },
            Ok(_) => OnDisk::Unreadable("it is no file".to_owned()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => OnDisk::Missing,
            Err(e) => OnDisk::Unreadable(e.to_string()),
        };
        let credentials = (disk == OnDisk::Whole).then(|| credentials(&path).ok()).flatten();
        Clip { record, disk, credentials }
    }

    /// Whether its file can be given to others.
    pub fn is_whole(&self) -> bool {
        self.disk == OnDisk::Whole
    }

    /// Whether it carries a manifest; absent where it can't be told.
    pub fn has_manifest(&self) -> Option<bool> {
        self.credentials.map(|found| matches!(found, Credentials::Present { .. }))
    }

    /// The file's own name.
    pub fn name(&self) -> &str {
        self.record.path.rsplit('/').next().unwrap_or_default()
    }
}

/// A file of the workspace by a path of the ledger, which leads nowhere else.
pub(super) fn inside(workspace: &Path, path: &str) -> Option<PathBuf> {
    let stays = Path::new(path).components().all(|c| matches!(c, Component::Normal(_)));
    stays.then(|| workspace.join(path))
}
