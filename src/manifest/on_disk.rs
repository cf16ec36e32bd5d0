//! Pictures that references name, looked for on the disk: each file once, in parallel.
//!
//! What lives here: which are there and where they may be, and what is said of those that are not.
//! What never does: which pictures are named, and what is in them.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::catalogue::Reference;
use super::references::linked_outside;
use super::workspace::{Folders, Workspace};
use crate::diagnostic::{Finding, Findings, Place, nearest};
use crate::media::{PictureId, PictureTable, Stamp};

/// What the disk says of a picture that can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    Missing,
    Folder,
    Outside,
}

/// Looks at every picture once, in parallel; gives those that can't be used.
pub(super) fn look(
    pictures: &mut PictureTable,
    workspace: &Workspace,
) -> HashMap<PictureId, Absent> {
    let parents: HashSet<PathBuf> = pictures
        .iter()
        .filter(|(_, p)| p.source.is_none())
        .filter_map(|(_, p)| Some(workspace.path(&p.path).parent()?.to_owned()))
        .collect();
    let parents: Vec<PathBuf> = parents.into_iter().collect();
    let checked: Vec<bool> =
        parents.par_iter().map(|p| !p.exists() || workspace.contains(p)).collect();
    let folders = Folders::new(parents.into_iter().zip(checked));
    let problems: Vec<Option<Absent>> = pictures
        .items_mut()
        .par_iter_mut()
        .map(|picture| {
            if picture.source.is_some() {
                return None;
            }
            let path = workspace.path(&picture.path);
            match stamp(&path, workspace, &folders) {
                Ok(stamp) => {
                    picture.stamp = Some(stamp);
                    None
                }
                Err(problem) => Some(problem),
            }
        })
        .collect();
    let ids = (0u32..).map(PictureId);
    ids.zip(problems).filter_map(|(id, problem)| Some((id, problem?))).collect()
}

fn stamp(path: &Path, workspace: &Workspace, folders: &Folders) -> Result<Stamp, Absent> {
    let mut facts = std::fs::symlink_metadata(path).map_err(|_| Absent::Missing)?;
    if !path.parent().is_some_and(|p| folders.inside(p)) {
        return Err(Absent::Outside);
    }
    if facts.is_symlink() {
        facts = std::fs::metadata(path).map_err(|_| Absent::Missing)?;
        if !workspace.contains(path) {
            return Err(Absent::Outside);
        }
    }
    if facts.is_dir() {
        return Err(Absent::Folder);
    }
    Ok(Stamp::of(&facts))
}

/// Takes the references that can't be used out of a list, and reports those that are needed.
pub(super) fn settle(
    references: &mut Box<[Reference]>,
    absent: &HashMap<PictureId, Absent>,
    optional: &HashSet<Place>,
    pictures: &PictureTable,
    workspace: &Workspace,
    who: &dyn Fn() -> (String, Place),
    findings: &mut Findings,
) {
    if references.iter().all(|r| !absent.contains_key(&r.picture)) {
        return;
    }
    let mut kept = Vec::with_capacity(references.len());
    for reference in std::mem::take(references) {
        match absent.get(&reference.picture) {
            None => kept.push(reference),
            Some(Absent::Missing) if optional.contains(&reference.place) => {}
            Some(problem) => {
                let path = &pictures.get(reference.picture).path;
                let (who, place) = who();
                let finding = absent_finding(*problem, path, reference.place, workspace, who);
                findings.push(finding.also(place, "for this one"));
            }
        }
    }
    *references = kept.into_boxed_slice();
}

fn absent_finding(
    problem: Absent,
    path: &str,
    place: Place,
    workspace: &Workspace,
    who: String,
) -> Finding {
    match problem {
        Absent::Missing => {
            let help = missing_help(&workspace.path(path));
            Finding::error("reference::missing", format!("{who}: there is no picture `{path}`"))
                .at(place, format!("`{path}` does not exist"))
                .help(help)
        }
        Absent::Folder => {
            Finding::error("reference::folder", format!("{who}: `{path}` is a folder"))
                .at(place, "this is a folder")
                .help(format!("for all pictures in it, write `images: \"{path}/*.jpg\"`"))
        }
        Absent::Outside => linked_outside(&format!("{who}: "), path, place),
    }
}

/// The file that was probably meant, or which folder is missing already.
fn missing_help(path: &Path) -> String {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return "paths are relative to the manifest that has them".to_owned();
    };
    let Ok(entries) = std::fs::read_dir(folder) else {
        return format!(
            "there is no folder `{}` either; paths are relative to the manifest that has them",
            folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy()
        );
    };
    let mut names: Vec<String> = entries
        .filter_map(|e| Some(e.ok()?.file_name().to_string_lossy().into_owned()))
        .take(1000)
        .collect();
    names.sort();
    let wanted = name.to_string_lossy();
    let stem = |n: &str| n.rsplit_once('.').map_or(n.to_owned(), |(s, _)| s.to_owned());
    let other_ending = names.iter().find(|n| stem(n) == stem(&wanted)).map(String::as_str);
    match other_ending.or_else(|| nearest(&wanted, names.iter().map(String::as_str))) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "add the picture, or mark the reference `optional: true`".to_owned(),
    }
}
