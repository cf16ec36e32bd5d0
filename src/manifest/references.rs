//! Pictures of subjects and shots: from `references:` to files that exist.
//!
//! What lives here: names and roles, path templates and patterns, and looking at the disk,
//! once for each file. What never does: what is in a picture.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::addresses::public_url;
use super::catalogue::{Reference, Role};
use super::fill::{Fill, View, verbatim};
use super::raw::RawReference;
use super::workspace::{Folders, Workspace};
use crate::diagnostic::{Finding, Findings, Place, nearest};
use crate::feed::Columns;
use crate::media::{PictureId, PictureTable, Stamp};
use crate::template::{Engine, TemplateError, TemplateErrorKind};
use crate::yaml::Text;

/// One entry of `references:`, checked.
#[derive(Debug, Clone)]
pub(super) struct Spec {
    pub name: Arc<str>,
    pub role: Role,
    /// The path or pattern.
    pub path: Text,
    /// Whether `path` is a pattern.
    pub many: bool,
    pub optional: bool,
    /// Template of a public URL of the same picture.
    pub url: Option<Text>,
    /// Where its name is, or what stands for it.
    pub place: Place,
}

/// An entry's templates, ready to be filled in.
pub(super) struct SpecFill<'e, 's> {
    path: Fill<'e, 's>,
    url: Option<(Place, Fill<'e, 's>)>,
}

impl<'e, 's> SpecFill<'e, 's> {
    pub fn new(
        engine: &'e Engine<'s>,
        spec: &'s Spec,
        columns: &Columns,
    ) -> Result<Self, TemplateError> {
        let path = Fill::new(engine, &spec.path, columns)?;
        let url = match &spec.url {
            Some(url) => Some((url.place, Fill::new(engine, url, columns)?)),
            None => None,
        };
        Ok(SpecFill { path, url })
    }
}

impl Spec {
    /// Its templates.
    pub fn templates(&self) -> impl Iterator<Item = &Text> {
        std::iter::once(&self.path).chain(&self.url)
    }
}

/// A picture that an entry names for one subject.
#[derive(Debug)]
pub(super) struct Named {
    /// Index of the entry.
    pub spec: usize,
    /// Shown path.
    pub path: String,
    /// Public URL of the same picture.
    pub url: Option<Arc<str>>,
}

/// Reads `references:`; entries that can't be used are reported and left out.
pub(super) fn specs(
    raw: &[RawReference],
    inherited: &[Spec],
    findings: &mut Findings,
) -> Vec<Spec> {
    let mut specs: Vec<Spec> = Vec::new();
    for entry in raw {
        let (path, many) = match (&entry.image, &entry.images) {
            (Some(path), None) => (path, false),
            (None, Some(pattern)) => (pattern, true),
            (Some(one), Some(many)) => {
                findings.push(
                    Finding::error(
                        "reference::image_and_images",
                        "a reference has either `image` or `images`",
                    )
                    .at(many.place, "and `images`")
                    .also(one.place, "`image`")
                    .help("write two references"),
                );
                continue;
            }
            (None, None) => {
                let mut finding = Finding::error(
                    "reference::no_image",
                    "a reference needs `image` (one path) or `images` (a pattern)",
                );
                if let Some(name) = &entry.name {
                    finding = finding.at(name.place, "this reference has neither");
                }
                findings.push(finding);
                continue;
            }
        };
        if path.trim().is_empty() {
            findings.push(
                Finding::error("reference::empty_path", "the path is empty")
                    .at(path.place, "nothing is written here"),
            );
            continue;
        }
        if let Some(url) = entry.url.as_ref().filter(|_| many) {
            let finding = Finding::error(
                "reference::url_of_many",
                "`url` is one picture's address, but `images` may be many pictures",
            );
            let finding =
                finding.at(url.place, "which of them is this?").also(path.place, "`images`");
            findings.push(finding.help("write one reference with `image` for each picture"));
            continue;
        }
        let role = entry.role.unwrap_or_default();
        let name = entry.name.as_ref().map_or_else(|| Arc::from(role.as_str()), |n| n.text.clone());
        let place = entry.name.as_ref().map_or(path.place, |n| n.place);
        if let Some(first) = inherited.iter().chain(&specs).find(|s| s.name == name) {
            findings.push(
                Finding::error(
                    "reference::duplicate_name",
                    format!("two references of one subject are called `{name}`"),
                )
                .at(place, "again here")
                .also(first.place, "first here")
                .help("give each its own `name`; prompts call them by it"),
            );
            continue;
        }
        let path = path.clone();
        let (optional, url) = (entry.optional, entry.url.clone());
        specs.push(Spec { name, role, path, many, optional, url, place });
    }
    specs
}

/// The pictures that entries name for one subject. `who` names the subject in messages.
pub(super) fn name_pictures(
    specs: &[Spec],
    fills: &[SpecFill<'_, '_>],
    view: &View<'_>,
    workspace: &Workspace,
    folder: &str,
    who: &dyn Fn() -> String,
    findings: &mut Vec<Finding>,
) -> Vec<Named> {
    let mut named = Vec::with_capacity(specs.len());
    for (index, (spec, fill)) in specs.iter().zip(fills).enumerate() {
        let escape = if spec.many { glob::Pattern::escape } else { verbatim };
        let path = match fill.path.render(view, escape) {
            Ok(path) => path,
            // An attribute that is absent leaves an optional picture absent.
            Err(e) if spec.optional && e.kind == TemplateErrorKind::Undefined => continue,
            Err(error) => {
                findings.push(
                    Finding::error(
                        "reference::path",
                        format!("{}: the path can't be filled in: {}", who(), error.message),
                    )
                    .at(spec.path.place, format!("for {}", who())),
                );
                continue;
            }
        };
        let path = path.trim();
        if path.is_empty() {
            if !spec.optional {
                findings.push(
                    Finding::error(
                        "reference::empty_path",
                        format!("{}: the path is empty", who()),
                    )
                    .at(spec.path.place, "nothing is left of this")
                    .help("fill in the cell, or mark the reference `optional: true`"),
                );
            }
            continue;
        }
        let literal = spec.many.then(|| glob::Pattern::escape(folder));
        let Ok(shown) = workspace.resolve(literal.as_deref().unwrap_or(folder), path) else {
            findings.push(outside(&format!("{}: ", who()), path, spec.path.place));
            continue;
        };
        if spec.many {
            match found(workspace, &shown) {
                Err(message) => findings.push(
                    Finding::error(
                        "reference::pattern",
                        format!("the pattern is not valid: {message}"),
                    )
                    .at(spec.path.place, "this pattern")
                    .help(
                        "`*` stands for any text, `?` for one character, `[ab]` for one of a few",
                    ),
                ),
                Ok(paths) if paths.is_empty() && !spec.optional => findings.push(
                    Finding::error(
                        "reference::no_match",
                        format!("{}: no file matches `{path}`", who()),
                    )
                    .at(spec.path.place, format!("nothing found for {}", who()))
                    .help(no_match_help(&workspace.path(&shown))),
                ),
                Ok(paths) => {
                    let picture = |path| Named { spec: index, path, url: None };
                    named.extend(paths.into_iter().map(picture));
                }
            }
        } else {
            let url = fill
                .url
                .as_ref()
                .and_then(|(place, fill)| public_url(*place, fill, view, who, findings));
            named.push(Named { spec: index, path: shown, url });
        }
    }
    named
}

fn no_match_help(pattern: &Path) -> String {
    let folder = pattern.parent().unwrap_or(pattern);
    let text = folder.to_string_lossy();
    if !text.contains(['*', '?', '[']) && !folder.is_dir() {
        let name = folder.file_name().map(|n| n.to_string_lossy().into_owned());
        return format!(
            "there is no folder `{}`; paths are relative to the manifest that has them",
            name.unwrap_or_default()
        );
    }
    "paths are relative to the manifest that has them; mark it `optional: true` if it may be absent"
        .to_owned()
}

/// A path that leaves the workspace.
pub(super) fn outside(who: &str, path: &str, place: Place) -> Finding {
    Finding::error("reference::outside", format!("{who}`{path}` is outside the manifest's folder"))
        .at(place, "leaves the workspace")
        .help(
            "move the file below the manifest, or list its folder in the root manifest: \
             `allow: {roots: [../pictures]}`",
        )
}

/// A path that leaves the workspace by a link.
pub(super) fn linked_outside(who: &str, path: &str, place: Place) -> Finding {
    let message = format!("{who}`{path}` leads out of the manifest's folder by a link");
    Finding { message, ..outside(who, path, place) }
}

fn found(workspace: &Workspace, pattern: &str) -> Result<Vec<String>, String> {
    let base = glob::Pattern::escape(&workspace.folder.to_string_lossy());
    let full = if Path::new(pattern).is_absolute() {
        pattern.to_owned()
    } else {
        format!("{base}/{pattern}")
    };
    let options = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let paths = glob::glob_with(&full, options).map_err(|e| e.msg.to_owned())?;
    let files = paths.filter_map(Result::ok).filter(|p| p.is_file());
    let mut shown: Vec<String> = files.map(|p| workspace.show(&p)).collect();
    shown.sort();
    Ok(shown)
}

/// Turns named pictures into references, entering each in the table.
#[derive(Debug, Default)]
pub(super) struct Entering {
    /// `detail-1`, `detail-2`, … of each entry, shared by all subjects.
    numbered: HashMap<Place, Vec<Arc<str>>>,
}

impl Entering {
    pub fn references(
        &mut self,
        specs: &[Spec],
        named: Vec<Named>,
        pictures: &mut PictureTable,
    ) -> Box<[Reference]> {
        let mut counts = vec![0usize; specs.len()];
        let refer = |picture: Named| {
            let spec = &specs[picture.spec];
            let count = &mut counts[picture.spec];
            *count += 1;
            let (name, group) = if spec.many {
                (self.numbered(spec, *count), Some(spec.name.clone()))
            } else {
                (spec.name.clone(), None)
            };
            let id = pictures.enter(&picture.path);
            let (role, place) = (spec.role, spec.path.place);
            Reference { name, group, role, picture: id, url: picture.url, place }
        };
        named.into_iter().map(refer).collect()
    }

    fn numbered(&mut self, spec: &Spec, count: usize) -> Arc<str> {
        let names = self.numbered.entry(spec.path.place).or_default();
        while names.len() < count {
            names.push(Arc::from(format!("{}-{}", spec.name, names.len() + 1)));
        }
        names[count - 1].clone()
    }
}

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
