//! Pictures of subjects and shots: from `references:` to paths and URLs.
//!
//! What lives here: names and roles, path templates and patterns. What never does: whether a
//! picture is there ([`super::on_disk`]), and what is in it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::addresses::public_url;
use super::catalogue::{Reference, Role};
use super::feed_pictures::FeedPictures;
use super::fill::{Fill, View, verbatim};
use super::raw::RawReference;
use super::remote::picture_url;
use super::workspace::Workspace;
use crate::diagnostic::{Finding, Findings, Place};
use crate::feed::{Columns, FeedImage};
use crate::media::PictureTable;
use crate::template::{Engine, TemplateError, TemplateErrorKind};
use crate::yaml::Text;

/// One entry of `references:`, checked.
#[derive(Debug, Clone)]
pub(super) struct Spec {
    pub name: Arc<str>,
    pub role: Role,
    /// The path or pattern; of the feed's pictures, the word for which.
    pub path: Text,
    /// What `path` is.
    pub names: Names,
    pub optional: bool,
    /// Template of a public URL of the same picture.
    pub url: Option<Text>,
    /// Where its name is, or what stands for it.
    pub place: Place,
}

/// How an entry names its pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// By an address.
    One,
    /// By a pattern of paths.
    Pattern,
    /// As the feed has them.
    Feed(FeedPictures),
}

impl Names {
    /// Whether it may be several pictures.
    pub fn many(self) -> bool {
        match self {
            Names::One => false,
            Names::Pattern => true,
            Names::Feed(which) => which.many(),
        }
    }
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
    /// Shown path, or URL.
    pub path: String,
    /// Whether it is a URL.
    pub fetched: bool,
    /// Public URL of the same picture.
    pub url: Option<Arc<str>>,
    /// What it shows, in the feed's words.
    pub alt: Option<Arc<str>>,
}

/// Where the addresses of one manifest's pictures lead.
pub(super) struct Ground<'a> {
    pub workspace: &'a Workspace,
    /// Shown path of the manifest's folder.
    pub folder: &'a str,
    /// Shown path of the folder to which a feed's own paths are relative.
    pub of_feed: &'a str,
}

/// The picture at an address, which a manifest or a feed has written: a path or a URL. `who` names
/// the subject in messages, `place` is the entry of `references:`.
pub(super) fn address(
    spec: usize,
    written: &str,
    ground: &Ground<'_>,
    who: &dyn Fn() -> String,
    place: Place,
) -> Result<Named, Box<Finding>> {
    let written = written.trim();
    if let Some(read) = picture_url(written) {
        return match read {
            Ok(path) => Ok(Named { spec, path, fetched: true, url: None, alt: None }),
            Err(problem) => {
                let message = format!("{}: `{}` {}", who(), problem.shown, problem.message);
                let finding = Finding::error("reference::url", message);
                let finding = finding.at(place, format!("for {}", who())).help(problem.help);
                Err(Box::new(finding))
            }
        };
    }
    match ground.workspace.resolve(ground.folder, written) {
        Ok(path) => Ok(Named { spec, path, fetched: false, url: None, alt: None }),
        Err(_) => Err(Box::new(outside(&format!("{}: ", who()), written, place))),
    }
}

/// Reads `references:`; entries that can't be used are reported and left out. Only subjects of a
/// feed (`of_feed`) have pictures that a feed names.
pub(super) fn specs(
    raw: &[RawReference],
    inherited: &[Spec],
    of_feed: bool,
    findings: &mut Findings,
) -> Vec<Spec> {
    let mut specs: Vec<Spec> = Vec::new();
    for entry in raw {
        let Some((path, names)) = pictures_of(entry, findings) else { continue };
        if let Some(feed) = entry.feed.as_ref().filter(|_| !of_feed) {
            let message = "`feed` names pictures of a feed, but there is none here";
            findings.push(
                Finding::error("manifest::only_for_feeds", message)
                    .at(feed.place, "means nothing here")
                    .help("write the path of the picture: `image: …`"),
            );
            continue;
        }
        if path.trim().is_empty() {
            findings.push(
                Finding::error("reference::empty_path", "the path is empty")
                    .at(path.place, "nothing is written here"),
            );
            continue;
        }
        if let Some(url) = entry.url.as_ref().filter(|_| names.many()) {
            let key = if names == Names::Pattern { "images" } else { "feed" };
            let finding = Finding::error(
                "reference::url_of_many",
                format!("`url` is one picture's address, but `{key}` may be many pictures"),
            );
            let label = format!("`{key}`");
            let finding = finding.at(url.place, "which of them is this?").also(path.place, label);
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
        let (optional, url) = (entry.optional, entry.url.clone());
        specs.push(Spec { name, role, path, names, optional, url, place });
    }
    specs
}

/// Which pictures an entry names, and how.
fn pictures_of(entry: &RawReference, findings: &mut Findings) -> Option<(Text, Names)> {
    let path = |key, text: &Option<Text>, names| Some((key, text.clone()?, names));
    let feed = entry.feed.as_ref().map(|which| {
        let text = Arc::from(which.value.shown());
        let text = Text { text, place: which.place, literal: false };
        ("feed", text, Names::Feed(which.value))
    });
    let given = [
        path("image", &entry.image, Names::One),
        path("images", &entry.images, Names::Pattern),
        feed,
    ];
    let mut given = given.into_iter().flatten();
    let Some((key, text, names)) = given.next() else {
        let mut finding = Finding::error(
            "reference::no_image",
            "a reference needs `image` (one path), `images` (a pattern) or `feed` (the feed's own)",
        );
        if let Some(name) = &entry.name {
            finding = finding.at(name.place, "this reference has none of them");
        }
        findings.push(finding);
        return None;
    };
    if let Some((other, again, _)) = given.next() {
        findings.push(
            Finding::error(
                "reference::image_and_images",
                format!("a reference has either `{key}` or `{other}`"),
            )
            .at(again.place, format!("and `{other}`"))
            .also(text.place, format!("`{key}`"))
            .help("write two references"),
        );
        return None;
    }
    Some((text, names))
}

/// The pictures that entries name for one subject; `images` are those that its feed has for it.
/// `who` names the subject in messages.
pub(super) fn name_pictures(
    specs: &[Spec],
    fills: &[SpecFill<'_, '_>],
    view: &View<'_>,
    images: &[FeedImage],
    ground: &Ground<'_>,
    who: &dyn Fn() -> String,
    findings: &mut Vec<Finding>,
) -> Vec<Named> {
    let mut named = Vec::with_capacity(specs.len());
    for (index, (spec, fill)) in specs.iter().zip(fills).enumerate() {
        if let Names::Feed(which) = spec.names {
            named.extend(of_feed(index, spec, which.of(images), ground, who, findings));
            continue;
        }
        let many = spec.names.many();
        let escape = if many { glob::Pattern::escape } else { verbatim };
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
        if many {
            named.extend(matching(index, spec, path, ground, who, findings));
            continue;
        }
        match address(index, path, ground, who, spec.path.place) {
            Ok(mut picture) => {
                if let Some((place, fill)) = &fill.url {
                    picture.url = public_url(*place, fill, view, who, findings);
                }
                named.push(picture);
            }
            Err(finding) => findings.push(*finding),
        }
    }
    named
}

/// The pictures that an entry takes of those that the feed has for one subject.
fn of_feed(
    index: usize,
    spec: &Spec,
    images: &[FeedImage],
    ground: &Ground<'_>,
    who: &dyn Fn() -> String,
    findings: &mut Vec<Finding>,
) -> Vec<Named> {
    if images.is_empty() && !spec.optional {
        let what = match spec.names {
            Names::Feed(FeedPictures::Others) => "a second picture".to_owned(),
            Names::Feed(FeedPictures::Number(number)) => format!("a picture number {number}"),
            _ => "a picture".to_owned(),
        };
        let message = format!("{}: the feed does not name {what}", who());
        findings.push(
            Finding::error("reference::no_feed_picture", message)
                .at(spec.path.place, format!("nothing for {}", who()))
                .help(
                    "add the picture at the shop, mark the reference `optional: true`, or leave \
                     such products out with `select`",
                ),
        );
    }
    let mut named = Vec::with_capacity(images.len());
    let ground = &Ground { folder: ground.of_feed, ..*ground };
    for image in images {
        match address(index, &image.address, ground, who, spec.path.place) {
            Ok(picture) => {
                named.push(Named { alt: image.alt.as_deref().map(Arc::from), ..picture })
            }
            Err(finding) => findings.push(*finding),
        }
    }
    named
}

/// The pictures that a pattern finds for one subject.
fn matching(
    index: usize,
    spec: &Spec,
    pattern: &str,
    ground: &Ground<'_>,
    who: &dyn Fn() -> String,
    findings: &mut Vec<Finding>,
) -> Vec<Named> {
    let workspace = ground.workspace;
    let folder = glob::Pattern::escape(ground.folder);
    let Ok(shown) = workspace.resolve(&folder, pattern) else {
        findings.push(outside(&format!("{}: ", who()), pattern, spec.path.place));
        return Vec::new();
    };
    let paths = match found(workspace, &shown) {
        Ok(paths) => paths,
        Err(message) => {
            findings.push(
                Finding::error(
                    "reference::pattern",
                    format!("the pattern is not valid: {message}"),
                )
                .at(spec.path.place, "this pattern")
                .help("`*` stands for any text, `?` for one character, `[ab]` for one of a few"),
            );
            return Vec::new();
        }
    };
    if paths.is_empty() && !spec.optional {
        findings.push(
            Finding::error(
                "reference::no_match",
                format!("{}: no file matches `{pattern}`", who()),
            )
            .at(spec.path.place, format!("nothing found for {}", who()))
            .help(no_match_help(&workspace.path(&shown))),
        );
    }
    let picture = |path| Named { spec: index, path, fetched: false, url: None, alt: None };
    paths.into_iter().map(picture).collect()
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
            let (name, group) = if spec.names.many() {
                (self.numbered(spec, *count), Some(spec.name.clone()))
            } else {
                (spec.name.clone(), None)
            };
            let id = match picture.fetched {
                true => pictures.enter_url(&picture.path),
                false => pictures.enter(&picture.path),
            };
            let (role, place) = (spec.role, spec.path.place);
            Reference { name, group, role, picture: id, url: picture.url, alt: picture.alt, place }
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
