//! Clips of a ledger that is gone: found by their sidecars, so that nobody pays for them again
//! without having been told.
//!
//! What never lives here: reading what a clip was made of, or taking it for a job's.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

use kinora::diagnostic::Finding;
use kinora::manifest::Catalogue;
use kinora::report::count;
use serde::Deserialize;

/// Folders that are looked at, and entries of each; a shop's clips are among the first.
const FOLDERS: usize = 200;
const ENTRIES: usize = 200;
/// Sidecars that are read; one is proof enough.
const SIDECARS: usize = 20;
/// Bytes of a sidecar that are read.
const SIDECAR_BYTES: u64 = 1_000_000;
/// Folders below each other.
const DEPTH: usize = 4;

/// What tells a sidecar from any other JSON.
#[derive(Deserialize)]
struct Mark {
    generator: String,
    #[serde(rename = "job")]
    _job: String,
}

/// A warning when clips that Kinora made lie where this catalogue's clips go. To be asked only
/// where the ledger knows of no job.
pub fn clips_without_a_ledger(catalogue: &Catalogue) -> Option<Finding> {
    let outs = catalogue.shots.iter().filter_map(|shot| shot.out.as_ref()).chain([&catalogue.out]);
    let folders: BTreeSet<PathBuf> =
        outs.map(|out| catalogue.workspace.join(folder_of(&out.source))).collect();
    let mut search = Search { folders: FOLDERS, sidecars: SIDECARS, found: BTreeSet::new() };
    for folder in &folders {
        search.folder(folder, DEPTH);
    }
    let first = search.found.first()?;
    let shown = first.strip_prefix(&catalogue.workspace).unwrap_or(first).display();
    let clips = count(search.found.len() as u64, "clip");
    let at_least = if search.is_over() { "at least " } else { "" };
    let message = format!(
        "the ledger knows of no job, but {at_least}{clips} that Kinora made are here ({shown}); \
         they would be made and paid for again"
    );
    let help = "if this workspace had a ledger, restore `.kinora/ledger.db` from a backup before \
                anything is spent; if the clips are another workspace's, move them away";
    Some(Finding::warning("ledger::missing", message).help(help))
}

/// The folder that every path of a template begins with; empty where the first part differs.
fn folder_of(out: &str) -> &str {
    let literal = out.find("{").map_or(out, |at| &out[..at]);
    literal.rfind('/').map_or("", |at| &literal[..at])
}

struct Search {
    folders: usize,
    sidecars: usize,
    found: BTreeSet<PathBuf>,
}

impl Search {
    fn is_over(&self) -> bool {
        self.folders == 0 || self.sidecars == 0
    }

    /// Looks at a folder and those below it. What can't be read holds nothing to tell of.
    fn folder(&mut self, folder: &Path, depth: usize) {
        if self.is_over() {
            return;
        }
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        self.folders -= 1;
        let mut paths: Vec<PathBuf> = entries.flatten().take(ENTRIES).map(|e| e.path()).collect();
        paths.sort();
        for path in paths {
            if self.is_over() {
                return;
            }
            // Links are not followed: they may lead in a circle.
            let is_folder = path.symlink_metadata().is_ok_and(|facts| facts.is_dir());
            if !is_folder {
                self.file(path);
            } else if depth > 1 && path.file_name().is_some_and(|name| name != ".kinora") {
                self.folder(&path, depth - 1);
            }
        }
    }

    fn file(&mut self, path: PathBuf) {
        let is_json = path.extension().is_some_and(|ending| ending == "json");
        if is_json && path.with_extension("mp4").is_file() {
            self.sidecars -= 1;
            if is_sidecar(&path) {
                self.found.insert(path.with_extension("mp4"));
            }
        }
    }
}

fn is_sidecar(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let mark: Result<Mark, _> = serde_json::from_reader(BufReader::new(file.take(SIDECAR_BYTES)));
    mark.is_ok_and(|mark| mark.generator.starts_with("kinora "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_a_template_is_what_stands_before_its_first_part_that_differs() {
        assert_eq!(folder_of("clips/{{ subject.id }}/a.mp4"), "clips");
        assert_eq!(folder_of("out/spring/a-{{ job.short }}.mp4"), "out/spring");
        assert_eq!(folder_of("{{ shot.id }}/a.mp4"), "");
        assert_eq!(folder_of("clips/{% if x %}a{% endif %}.mp4"), "clips");
        assert_eq!(folder_of("one.mp4"), "");
    }
}
