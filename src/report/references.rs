//! What the pictures of a catalogue are, and what is worth a word before money is spent on them:
//! what `kinora check --references` says.
//!
//! What never lives here: measuring, judging.

mod text;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Place, Severity, Sources};
use crate::inspect::{
    Background, Bars, Change, Code, Exposure, Judged, Looked, Marks, Measures, ReferenceFinding,
    Sharpness, Subject, Use, Uses,
};
use crate::manifest::{Catalogue, Role};
use crate::media::{Facts, PictureId};
use crate::models::Route;

pub use text::{figures_line, label, references_text};

/// Version of the JSON form. Readers refuse another major version and ignore fields they don't
/// know.
pub const REFERENCES_FORMAT: &str = "1.0";

/// Pictures of a catalogue, and what is said of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReferencesReport {
    /// Version of this form.
    pub format_version: String,
    /// The manifest as the command line names it.
    pub manifest: String,
    /// Files that were decoded now.
    pub decoded: u64,
    /// Pictures whose measures were known from before.
    pub kept: u64,
    /// Whether the plan stands; where it doesn't, models are told only of jobs that do.
    pub planned: bool,
    /// How many findings there are, by severity.
    pub counts: BTreeMap<Severity, u64>,
    /// What is said, errors first.
    pub findings: Vec<FindingView>,
    /// The models that get pictures.
    pub models: Vec<ModelView>,
    /// Every picture, in the order of the catalogue.
    pub pictures: Vec<PictureView>,
}

/// One thing that is said of a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FindingView {
    /// What.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// The picture.
    pub picture: String,
    /// Whose it is: `set.id`, or a shot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of: Vec<String>,
    /// In words.
    pub message: String,
    /// What to do about it.
    pub help: String,
    /// What was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figure: Option<f32>,
    /// From where on it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
    /// For which model, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Other pictures that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<String>,
    /// Where its owner is written; said of the first findings only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<At>,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct At {
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// What becomes of the pictures that one model gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelView {
    /// The model.
    pub model: String,
    /// Its routes that are used.
    pub routes: Vec<Route>,
    /// Pictures that it gets.
    pub pictures: u64,
    /// Pictures that it gets as they are.
    pub as_they_are: u64,
    /// Pictures that are changed first, by what is done.
    pub changed: BTreeMap<Change, u64>,
    /// Pictures that something is said of for this model, advice aside.
    pub with_findings: u64,
}

/// One picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PictureView {
    /// Path.
    pub path: String,
    /// Whose it is: `set.id`, or a shot.
    pub of: Vec<String>,
    /// What its header says; absent where it can't be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileView>,
    /// What its pixels say; absent where it can't be read to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measures: Option<MeasuresView>,
    /// How the plan's jobs use it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<UseView>,
}

/// What a picture's header says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FileView {
    /// Digest of its bytes.
    pub digest: String,
    /// Bytes.
    pub bytes: u64,
    /// Format by its bytes.
    pub format: String,
    /// Upright width in pixels.
    pub width: u32,
    /// Upright height in pixels.
    pub height: u32,
    /// EXIF orientation, 1 to 8.
    pub orientation: u8,
    /// Colours: `srgb`, `cmyk`, or by an embedded profile.
    pub colours: String,
    /// More than 8 bits a channel.
    pub deep: bool,
    /// Pixels may be transparent.
    pub alpha: bool,
    /// More than one frame; the first is used.
    pub animated: bool,
}

/// What a picture's pixels say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MeasuresView {
    /// Whether any pixel is transparent.
    pub transparent: bool,
    /// How sharp it is.
    pub sharpness: Sharpness,
    /// What surrounds the subject.
    pub background: Background,
    /// The subject, where its background tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// Bars of one colour at its sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bars: Option<Bars>,
    /// Lettering beside the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marks: Option<Marks>,
    /// How light and dark it is.
    pub exposure: Exposure,
}

/// One way in which jobs use a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UseView {
    /// The model.
    pub model: String,
    /// The route.
    pub route: Route,
    /// What the picture is for.
    pub role: Role,
    /// Pixels of the clip, `W×H`.
    pub clip: String,
    /// What is done to it; nothing where its own bytes are sent.
    pub changes: Vec<Change>,
    /// Pixels as it is sent, `W×H`.
    pub sent: String,
    /// Jobs that use it so.
    pub jobs: u64,
}

/// What a report is made of.
#[derive(Debug, Clone, Copy)]
pub struct ReferencesFacts<'a> {
    /// The manifest as the command line names it.
    pub manifest: &'a str,
    /// The catalogue.
    pub catalogue: &'a Catalogue,
    /// Files behind the places.
    pub sources: &'a Sources,
    /// What was measured.
    pub looked: &'a Looked,
    /// What the plan's jobs do.
    pub uses: &'a Uses,
    /// What was found.
    pub judged: &'a Judged,
    /// Whether the plan stands.
    pub planned: bool,
}

impl ReferencesReport {
    /// Of facts.
    pub fn new(facts: ReferencesFacts<'_>) -> Self {
        let ReferencesFacts { catalogue, looked, judged, .. } = facts;
        let mut counts = BTreeMap::new();
        for finding in &judged.findings {
            *counts.entry(finding.severity).or_default() += 1;
        }
        let mut by_picture: BTreeMap<PictureId, Vec<&Use>> = BTreeMap::new();
        for used in facts.uses.iter() {
            by_picture.entry(used.handling.picture).or_default().push(used);
        }
        let pictures = catalogue.pictures.iter().map(|(id, picture)| {
            let file = catalogue.pictures.facts(id);
            let uses = by_picture.get(&id).map(Vec::as_slice).unwrap_or_default();
            PictureView {
                path: picture.path.to_string(),
                of: owners(facts, id),
                file: file.map(FileView::of),
                measures: looked.of(id).as_ref().ok().map(|m| MeasuresView::of(m)),
                uses: file.map_or_else(Vec::new, |f| uses.iter().map(|u| use_of(u, f)).collect()),
            }
        });
        ReferencesReport {
            format_version: REFERENCES_FORMAT.to_owned(),
            manifest: facts.manifest.to_owned(),
            decoded: looked.decoded,
            kept: looked.kept,
            planned: facts.planned,
            counts,
            findings: (0..).zip(&judged.findings).map(|(i, f)| finding(facts, f, i)).collect(),
            models: models(facts),
            pictures: pictures.collect(),
        }
    }
}

fn owners(facts: ReferencesFacts<'_>, id: PictureId) -> Vec<String> {
    let mut names: Vec<String> =
        facts.judged.owners.of(id).map(|owner| owner.name(facts.catalogue)).collect();
    names.dedup();
    names
}

/// Findings whose places are looked up. A feed is read anew for each, and whoever has mended so
/// many asks again.
const PLACES: usize = 200;

fn finding(facts: ReferencesFacts<'_>, finding: &ReferenceFinding, nth: usize) -> FindingView {
    let path = |id: &PictureId| facts.catalogue.pictures.get(*id).path.to_string();
    let owner = facts.judged.owners.of(finding.picture).next().filter(|_| nth < PLACES);
    FindingView {
        code: finding.code,
        severity: finding.severity,
        picture: path(&finding.picture),
        of: owners(facts, finding.picture),
        message: finding.message.clone(),
        help: finding.help().to_owned(),
        figure: finding.figure.map(rounded),
        threshold: finding.threshold,
        model: finding.model.clone(),
        others: finding.others.iter().map(path).collect(),
        at: owner.and_then(|owner| at(facts.sources, &owner.place(facts.catalogue))),
    }
}

fn at(sources: &Sources, place: &Place) -> Option<At> {
    let window = sources.window(place)?;
    let file = sources.get(place.source).name.to_string();
    Some(At { file, line: window.line, column: window.column })
}

/// To three decimals: more says nothing, and differs from machine to machine.
fn rounded(figure: f32) -> f32 {
    (figure * 1000.0).round() / 1000.0
}

fn models(facts: ReferencesFacts<'_>) -> Vec<ModelView> {
    #[derive(Default)]
    struct Of {
        routes: std::collections::BTreeSet<Route>,
        by_picture: BTreeMap<PictureId, std::collections::BTreeSet<Change>>,
    }
    let mut by_model: BTreeMap<&str, Of> = BTreeMap::new();
    for used in facts.uses.iter() {
        let handling = &used.handling;
        let of = by_model.entry(&handling.model).or_default();
        of.routes.insert(handling.route);
        let changes = of.by_picture.entry(handling.picture).or_default();
        if let Some(file) = facts.catalogue.pictures.facts(handling.picture) {
            changes.extend(handling.changes(file.format));
        }
    }
    let with_findings = |model: &str| {
        let said = facts.judged.findings.iter().filter(|f| f.model.as_deref() == Some(model));
        let serious = said.filter(|f| f.severity < Severity::Advice).map(|f| f.picture);
        serious.collect::<std::collections::BTreeSet<_>>().len() as u64
    };
    let view = |(model, of): (&str, Of)| {
        let mut changed = BTreeMap::new();
        of.by_picture.values().flatten().for_each(|c| *changed.entry(*c).or_default() += 1);
        ModelView {
            model: model.to_owned(),
            routes: of.routes.into_iter().collect(),
            pictures: of.by_picture.len() as u64,
            as_they_are: of.by_picture.values().filter(|c| c.is_empty()).count() as u64,
            changed,
            with_findings: with_findings(model),
        }
    };
    by_model.into_iter().map(view).collect()
}

fn use_of(used: &Use, facts: &Facts) -> UseView {
    let handling = &used.handling;
    let sent = match handling.recipe.making() {
        Some(making) => (making.canvas.width, making.canvas.height),
        None => (facts.width, facts.height),
    };
    UseView {
        model: handling.model.to_string(),
        route: handling.route,
        role: handling.role,
        clip: format!("{}×{}", handling.clip.0, handling.clip.1),
        changes: handling.changes(facts.format),
        sent: format!("{}×{}", sent.0, sent.1),
        jobs: used.jobs,
    }
}

impl FileView {
    fn of(facts: &Facts) -> Self {
        let traits = facts.traits;
        let colours = match traits {
            _ if traits.cmyk => "cmyk",
            _ if traits.foreign_profile => "rgb, by its own profile",
            _ => "srgb",
        };
        FileView {
            digest: facts.digest.to_string(),
            bytes: facts.bytes,
            format: facts.format.as_str().to_owned(),
            width: facts.width,
            height: facts.height,
            orientation: facts.orientation.0,
            colours: colours.to_owned(),
            deep: traits.deep,
            alpha: traits.alpha,
            animated: traits.animated,
        }
    }
}

impl MeasuresView {
    fn of(measures: &Measures) -> Self {
        let sharpness = measures.sharpness;
        let exposure = measures.exposure;
        MeasuresView {
            transparent: measures.transparent,
            sharpness: Sharpness {
                laplacian: rounded(sharpness.laplacian),
                edge: sharpness.edge.map(rounded),
            },
            background: measures.background,
            subject: measures.subject.map(|subject| Subject {
                area: rounded(subject.area),
                bounds: subject.bounds.map(rounded),
                touches: subject.touches.map(rounded),
                contrast: rounded(subject.contrast),
            }),
            bars: measures.bars.map(|bars| Bars { sides: bars.sides.map(rounded) }),
            marks: measures.marks.map(|marks| Marks {
                bounds: marks.bounds.map(rounded),
                contrast: rounded(marks.contrast),
                ..marks
            }),
            exposure: Exposure {
                bright: rounded(exposure.bright),
                range: rounded(exposure.range),
                blown: rounded(exposure.blown),
            },
        }
    }
}

/// The report as JSON.
///
/// # Errors
/// None in practice: every field can be written.
pub fn references_json(report: &ReferencesReport) -> serde_json::Result<String> {
    serde_json::to_string_pretty(report).map(|text| text + "\n")
}

/// The JSON Schema of [`references_json`].
pub fn references_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(ReferencesReport);
    schema.insert("title".to_owned(), "Kinora check --references".into());
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_schema_is_that_of_the_types() {
        crate::report::schema_file::check("references.schema.json", &references_schema());
    }
}
