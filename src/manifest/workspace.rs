//! The workspace: which files a manifest may read, and how their paths are shown.
//!
//! Shown paths are relative to the workspace, with `/` between parts. What never lives here:
//! what is in the files.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

/// The root manifest's folder, and further folders that it allows.
#[derive(Debug)]
pub(super) struct Workspace {
    /// As given.
    pub folder: PathBuf,
    canonical: PathBuf,
    allowed: Vec<PathBuf>,
}

/// A path leaves the workspace.
#[derive(Debug)]
pub(super) struct Outside;

impl Workspace {
    pub fn new(folder: &Path) -> Self {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let canonical = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        Workspace { folder: folder.to_owned(), canonical, allowed: Vec::new() }
    }

    /// Allows one more folder; false when it does not exist.
    pub fn allow(&mut self, root: &str) -> bool {
        match self.canonical.join(root).canonicalize() {
            Ok(path) if path.is_dir() => {
                self.allowed.push(path);
                true
            }
            _ => false,
        }
    }

    /// The shown path of `written`, which stands in a file of `folder` (a shown path, empty for
    /// the workspace itself).
    pub fn resolve(&self, folder: &str, written: &str) -> Result<String, Outside> {
        let absolute = Path::new(written).is_absolute();
        let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
        if !absolute && written.split('/').all(plain) && !folder.starts_with("..") {
            return Ok(if folder.is_empty() {
                written.to_owned()
            } else {
                format!("{folder}/{written}")
            });
        }
        let full = normal(&self.canonical.join(folder).join(written));
        if let Ok(inside) = full.strip_prefix(&self.canonical) {
            return Ok(shown(inside));
        }
        if !self.allowed.iter().any(|root| full.starts_with(root)) {
            return Err(Outside);
        }
        Ok(if absolute { shown(&full) } else { self.relative(&full) })
    }

    /// Where a shown path is.
    pub fn path(&self, shown: &str) -> PathBuf {
        self.folder.join(shown)
    }

    /// The shown path of a file that was found, for instance by a pattern.
    pub fn show(&self, found: &Path) -> String {
        found.strip_prefix(&self.folder).map_or_else(|_| shown(found), shown)
    }

    /// Whether a file or folder really is where it may be, links followed.
    pub fn contains(&self, path: &Path) -> bool {
        path.canonicalize().is_ok_and(|real| {
            real.starts_with(&self.canonical) || self.allowed.iter().any(|r| real.starts_with(r))
        })
    }

    /// A path from the workspace up and down again, for folders beside it.
    fn relative(&self, full: &Path) -> String {
        let common = self.canonical.components().zip(full.components());
        let shared = common.take_while(|(a, b)| a == b).count();
        let ups = self.canonical.components().count() - shared;
        let down: PathBuf = full.components().skip(shared).collect();
        format!("{}{}", "../".repeat(ups), shown(&down))
    }
}

/// Folders that were looked at, so that each is followed only once.
#[derive(Debug, Default)]
pub(super) struct Folders(HashMap<PathBuf, bool>);

impl Folders {
    pub fn new(checked: impl IntoIterator<Item = (PathBuf, bool)>) -> Self {
        Folders(checked.into_iter().collect())
    }

    /// Whether a folder is inside; one that does not exist holds nothing to read.
    pub fn inside(&self, folder: &Path) -> bool {
        self.0.get(folder).copied().unwrap_or(true)
    }
}

/// `.` and `..` resolved without looking at the disk.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

fn shown(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|c| c.as_os_str().to_string_lossy()).collect();
    parts.join("/").replacen("//", "/", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside_or_are_refused() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let workspace = Workspace::new(dir.path());
        let resolve = |folder: &str, written: &str| workspace.resolve(folder, written).ok();
        assert_eq!(resolve("", "a/b.jpg").as_deref(), Some("a/b.jpg"));
        assert_eq!(resolve("sub", "./x/../b.jpg").as_deref(), Some("sub/b.jpg"));
        assert_eq!(resolve("sub", "../b.jpg").as_deref(), Some("b.jpg"));
        assert_eq!(resolve("", "../b.jpg"), None);
        assert_eq!(resolve("sub", "../../b.jpg"), None);
        assert_eq!(resolve("", "/etc/passwd"), None);
    }

    #[test]
    fn an_allowed_folder_beside_the_workspace_is_shown_by_the_way_to_it() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for name in ["shop", "pool"] {
            std::fs::create_dir(dir.path().join(name)).expect("a folder");
        }
        let mut workspace = Workspace::new(&dir.path().join("shop"));
        assert!(workspace.resolve("", "../pool/x.jpg").is_err());
        assert!(workspace.allow("../pool"));
        assert_eq!(workspace.resolve("", "../pool/x.jpg").ok().as_deref(), Some("../pool/x.jpg"));
    }
}
