//! The planner: what is decided once for a whole catalogue, before any job.
//!
//! What lives here: compiling templates, resolving models and settings, the list of chunks that
//! jobs are made in, and every error that needs no subject to be seen. What never does: a job.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::access::{Access, Reach};
use super::channels;
use super::choose::{self, Market};
use super::context::Scope;
use super::crops::{self, CropTally, ShotCrops};
use super::motion;
use super::price_ends;
use super::select::{Narrowed, Narrowing};
use super::settings;
use super::summary::{Choice, CropSaving};
use super::variants::{Said, Variant, variants_of};
use crate::diagnostic::{Finding, Findings};
use crate::manifest::{Catalogue, Selection, Shot, SubjectRef, Template};
use crate::models::{Route, Shelf};
use crate::template::{Compiled, Condition, Engine, Ordered, TemplateError, ordered};

/// About how many jobs are made at once.
const CHUNK_JOBS: u64 = 512;

/// A catalogue, ready to be expanded into jobs. Cheap to clone; shared between threads.
#[derive(Debug, Clone)]
pub struct Planner {
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) shots: Arc<[ShotPlan]>,
    /// Names of the models that have each route, for errors.
    pub(super) by_route: Arc<HashMap<Route, Vec<String>>>,
    /// Providers that take pictures by public URLs only.
    pub(super) by_url: Arc<BTreeSet<String>>,
    /// Models that were chosen where the manifest says `auto`.
    pub(super) choices: Arc<[Choice]>,
    /// Clips that serve two channels, by shot; empty while models are only tried.
    pub(super) crops: Arc<[ShotCrops]>,
    /// What the plan is narrowed to; absent: the whole plan.
    pub(super) narrowed: Option<Arc<Narrowed>>,
    /// Whether it is noted which pictures jobs would send.
    pub(super) gathers: bool,
}

/// A shot with all that its subjects share.
#[derive(Debug)]
pub(super) struct ShotPlan {
    /// Index in [`Catalogue::shots`].
    pub shot: usize,
    /// Its subjects: ranges of sets, in the manifest's order, none twice. Empty for a shot that
    /// stands alone.
    segments: Vec<Segment>,
    /// How many subjects it may be for (one for a shot that stands alone).
    subjects: u64,
    pub variants: Vec<Variant>,
    pub takes: u32,
}

/// Some subjects of one set, one after another.
#[derive(Debug, Clone, Copy)]
struct Segment {
    set: u32,
    first: u32,
    /// How many of the shot's subjects come before it.
    before: u64,
}

/// Some jobs of one shot that are made together: positions in subjects × variants × takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ChunkSpec {
    pub shot: usize,
    pub start: u64,
    pub end: u64,
}

impl ShotPlan {
    pub fn new(catalogue: &Catalogue, index: usize, variants: Vec<Variant>) -> Self {
        let shot = &catalogue.shots[index];
        let mut segments = Vec::new();
        let mut before = 0;
        for (i, selection) in shot.selects.iter().enumerate() {
            if shot.selects[..i].iter().any(|earlier| covers(earlier, selection)) {
                continue;
            }
            let set = selection.set;
            let len = catalogue.sets[set as usize].subjects.len() as u64;
            match selection.subject {
                Some(first) => {
                    segments.push(Segment { set, first, before });
                    before += 1;
                }
                None => {
                    // Subjects that were named one by one before the whole set come only once.
                    let mut named: Vec<u32> = shot.selects[..i]
                        .iter()
                        .filter(|s| s.set == set)
                        .filter_map(|s| s.subject)
                        .collect();
                    named.sort_unstable();
                    named.dedup();
                    let mut first = 0;
                    for skip in named.into_iter().map(u64::from).chain([len]) {
                        if skip > first {
                            let start = u32::try_from(first).unwrap_or(u32::MAX);
                            segments.push(Segment { set, first: start, before });
                            before += skip - first;
                        }
                        first = skip + 1;
                    }
                }
            }
        }
        let subjects = if shot.selects.is_empty() { 1 } else { before };
        ShotPlan { shot: index, segments, subjects, variants, takes: shot.takes.max(1) }
    }

    /// Jobs of one subject.
    pub fn per_subject(&self) -> u64 {
        self.variants.len() as u64 * u64::from(self.takes)
    }

    /// Jobs, if every subject is selected.
    fn jobs(&self) -> u64 {
        self.subjects.saturating_mul(self.per_subject())
    }

    /// The subject at a position; `None` for a shot that stands alone.
    pub fn subject(&self, position: u64) -> Option<SubjectRef> {
        let after = self.segments.partition_point(|s| s.before <= position);
        let segment = self.segments[..after].last()?;
        let offset = u32::try_from(position - segment.before).ok()?;
        Some(SubjectRef { set: segment.set, subject: segment.first + offset })
    }
}

fn covers(earlier: &Selection, later: &Selection) -> bool {
    earlier.set == later.set && (earlier.subject.is_none() || earlier.subject == later.subject)
}

impl Planner {
    /// Does all that needs no single subject: compiles templates, resolves settings, chooses
    /// models. Every problem is found at once; with an error among them there is no planner.
    pub fn new(
        catalogue: &Arc<Catalogue>,
        shelf: &Shelf,
        access: &Access,
    ) -> (Option<Planner>, Findings) {
        let mut findings = Findings::default();
        check_ids(catalogue, &mut findings);
        check_templates(catalogue, &mut findings);
        let mut said = Said::default();
        let (channels, budget) = (&*catalogue.channels, &catalogue.budget);
        let market = Market { shelf, channels, access, budget };
        let mut shots = Vec::with_capacity(catalogue.shots.len());
        for (index, shot) in catalogue.shots.iter().enumerate() {
            let variants = variants_of(catalogue, shot, market, &mut said, &mut findings);
            shots.push(ShotPlan::new(catalogue, index, variants));
        }
        let choices = match findings.has_errors() {
            false => choose::choose(catalogue, &mut shots, access.by_url(), &mut findings),
            true => Vec::new(),
        };
        for (shot, plan) in catalogue.shots.iter().zip(&shots) {
            check_route(shot, &plan.variants, shelf, &mut findings);
            check_access(shot, &plan.variants, access, &mut said, &mut findings);
            check_ignored(shot, &plan.variants, &mut findings);
            advise_motion(shot, &mut findings);
        }
        if findings.has_errors() {
            return (None, findings);
        }
        price_ends::advise(catalogue, &shots, &mut findings);
        channels::advise(catalogue, &shots, &mut said, &mut findings);
        let by_route = Route::ALL.into_iter().map(|route| (route, models_with(shelf, route)));
        let crops = catalogue.shots.iter().zip(&shots);
        let crops = crops.map(|(shot, plan)| crops::of_shot(catalogue, shot, &plan.variants));
        let planner = Planner {
            catalogue: catalogue.clone(),
            crops: crops.collect(),
            shots: shots.into(),
            by_route: Arc::new(by_route.collect()),
            by_url: access.by_url().clone(),
            choices: choices.into(),
            narrowed: None,
            gathers: false,
        };
        (Some(planner), findings)
    }

    /// The same planner for a part of the plan only.
    pub(super) fn narrow(mut self, narrowing: &Narrowing, findings: &mut Findings) -> Self {
        if !narrowing.is_whole() {
            let mut found = Vec::new();
            self.narrowed = Some(Arc::new(Narrowed::new(narrowing, &self.catalogue, &mut found)));
            found.into_iter().for_each(|finding| findings.push(finding));
        }
        self
    }

    /// The chunks, in the plan's order: shots as in the manifest, in a shot its subjects, of a
    /// subject its variants, of a variant its takes.
    pub(super) fn chunks(&self) -> impl Iterator<Item = ChunkSpec> + '_ {
        self.shots.iter().enumerate().flat_map(|(shot, plan)| {
            let jobs = plan.jobs();
            (0..jobs.div_ceil(CHUNK_JOBS)).map(move |i| {
                let start = i * CHUNK_JOBS;
                ChunkSpec { shot, start, end: (start + CHUNK_JOBS).min(jobs) }
            })
        })
    }

    /// What making clips once would save, by jobs that could be left out.
    pub(super) fn savings(&self, tally: CropTally) -> Vec<CropSaving> {
        let shots = self.crops.iter().zip(self.shots.iter());
        let shots: Vec<_> = shots.map(|(crops, plan)| (crops, &*plan.variants)).collect();
        tally.savings(&self.catalogue, &shots)
    }

    pub(super) fn scope(&self) -> Arc<Scope> {
        Arc::new(Scope { catalogue: self.catalogue.clone(), shots: self.shots.clone() })
    }

    /// Compiles the shots' templates. [`Planner::new`] has shown that they compile.
    pub(super) fn compile<'e, 's>(
        &'s self,
        engine: &'e Engine<'s>,
    ) -> Result<Vec<CompiledShot<'e, 's>>, TemplateError> {
        let template = |t: &'s Template| engine.template(&t.source);
        self.shots
            .iter()
            .map(|plan| {
                let shot = &self.catalogue.shots[plan.shot];
                let prompt = template(&shot.prompt)?;
                let negative = shot.negative_prompt.as_ref().map(template).transpose()?;
                let condition = shot.condition.as_ref();
                let reads_take = |c: &Compiled<'_, '_>| {
                    c.undeclared().iter().any(|name| name == "take" || name.starts_with("take."))
                };
                Ok(CompiledShot {
                    by_take: reads_take(&prompt) || negative.as_ref().is_some_and(reads_take),
                    prompt,
                    negative,
                    ordered: condition.map_or_else(Vec::new, |c| ordered(&c.source)),
                    condition: condition.map(|c| engine.expression(&c.source)).transpose()?,
                    out: template(shot.out.as_ref().unwrap_or(&self.catalogue.out))?,
                })
            })
            .collect()
    }
}

/// A shot's templates, compiled.
pub(super) struct CompiledShot<'e, 's> {
    pub prompt: Compiled<'e, 's>,
    pub negative: Option<Compiled<'e, 's>>,
    pub condition: Option<Condition<'e, 's>>,
    /// What the condition puts in order.
    pub ordered: Vec<Ordered>,
    pub out: Compiled<'e, 's>,
    /// Whether the takes of one variant have different prompts.
    pub by_take: bool,
}

/// The names of the models that have a route.
fn models_with(shelf: &Shelf, route: Route) -> Vec<String> {
    let with = shelf.iter().filter(|card| card.routes.contains_key(&route));
    with.map(|card| format!("`{}`", card.model)).collect()
}

fn check_ids(catalogue: &Catalogue, findings: &mut Findings) {
    let mut first: HashMap<&str, &Shot> = HashMap::new();
    for shot in &catalogue.shots {
        if let Some(earlier) = first.get(&*shot.id) {
            let message = format!("two shots are named `{}`", shot.id);
            let finding = Finding::error("plan::duplicate_shot", message)
                .at(shot.place, "again here")
                .also(earlier.place, "first here")
                .help("give one of them another id: it names the shot's jobs in the ledger");
            findings.push(finding);
        } else {
            first.insert(&shot.id, shot);
        }
    }
}

fn check_templates(catalogue: &Catalogue, findings: &mut Findings) {
    let engine = Engine::new(&catalogue.limits);
    let mut check = |template: &Template, expression: bool| {
        let source = &template.source;
        let result = if expression {
            engine.expression(source).map(drop)
        } else {
            engine.template(source).map(drop)
        };
        if let Err(error) = result {
            let message = format!("this does not parse: {}", error.message);
            let finding = Finding::error("plan::template_syntax", message);
            findings.push(finding.at(place_in(template, error.range), "here"));
        }
    };
    check(&catalogue.out, false);
    for shot in &catalogue.shots {
        check(&shot.prompt, false);
        shot.negative_prompt.iter().for_each(|t| check(t, false));
        shot.out.iter().for_each(|t| check(t, false));
        shot.condition.iter().for_each(|t| check(t, true));
    }
}

/// A range of a template in its file, or the whole value where they differ.
pub(super) fn place_in(
    template: &Template,
    range: Option<std::ops::Range<usize>>,
) -> crate::diagnostic::Place {
    match range {
        Some(range) if template.literal => {
            let length = u32::try_from(range.len()).unwrap_or(u32::MAX);
            template.place.part(range.start as u64, length)
        }
        _ => template.place,
    }
}

/// A route that the manifest names, and the shot's model doesn't have.
fn check_route(shot: &Shot, variants: &[Variant], shelf: &Shelf, findings: &mut Findings) {
    let Some((route, place)) = shot.route else { return };
    let mut said: Vec<&str> = Vec::new();
    for card in variants.iter().map(|v| &v.card) {
        if card.routes.contains_key(&route) || said.contains(&card.model.as_str()) {
            continue;
        }
        said.push(&card.model);
        let message = format!("`{}` has no route `{route}`", card.model);
        let help = format!("models that have it: {}", settings::list(&models_with(shelf, route)));
        let finding = Finding::error("plan::route_missing", message);
        findings.push(finding.at(place, "this route").help(help));
    }
}

/// Models at providers that can't be spoken to, whatever keys there are.
fn check_access(
    shot: &Shot,
    variants: &[Variant],
    access: &Access,
    said: &mut Said,
    findings: &mut Findings,
) {
    for card in variants.iter().map(|v| &v.card) {
        let provider = &card.provider;
        let finding = match access.reach(provider) {
            Reach::Ready | Reach::NeedsKey(_) => continue,
            Reach::NoCard => {
                let message = format!(
                    "`{}` can be planned with, but not run: there is no provider card `{provider}`",
                    card.model
                );
                let help = format!("write `providers/{provider}.yaml` beside the manifest");
                Finding::warning("plan::no_provider_card", message).help(help)
            }
            Reach::NeedsVariables(names) => {
                let message = format!(
                    "the provider `{provider}` of `{}` must be told: {}",
                    card.model,
                    settings::list(&names)
                );
                let help = format!(
                    "write `providers: {{{provider}: {{variables: {{{}: …}}}}}}`",
                    names.join(": …, ")
                );
                Finding::error("plan::variable_unset", message).help(help)
            }
        };
        let axis = shot.axes.iter().find(|axis| &*axis.name == "model");
        let named = axis.and_then(|axis| axis.values.iter().find(|(v, _)| **v == *card.model));
        let written = shot.settings.model.as_ref().map(|m| m.place);
        let place = named.map(|(_, place)| *place).or(written).unwrap_or(shot.place);
        let mut found = Findings::default();
        found.push(finding.at(place, "this model"));
        said.pass_on(found, findings);
    }
}

/// What the manifest gives and the model doesn't take.
fn check_ignored(shot: &Shot, variants: &[Variant], findings: &mut Findings) {
    if let Some(variant) = variants.iter().find(|v| !v.card.negative_prompt)
        && let Some(negative) = &shot.negative_prompt
    {
        let message = format!("`{}` takes no negative prompt", variant.card.model);
        let finding = Finding::advice("plan::negative_prompt_ignored", message)
            .help("say in the prompt what the clip should show instead");
        findings.push(finding.at(negative.place, "this is not sent"));
    }
    if let Some(variant) = variants.iter().find(|v| !v.card.seed)
        && !shot.seeds.is_empty()
    {
        let message = format!("`{}` takes no seed", variant.card.model);
        let finding = Finding::advice("plan::seed_ignored", message);
        findings.push(finding.at(shot.place, "the seeds of this shot are not sent"));
    }
}

/// Attributes whose name says that they may hold motion.
const MOTION_ATTRIBUTES: [&str; 8] =
    ["prompt", "motion", "move", "action", "camera", "verb", "scene", "script"];

fn advise_motion(shot: &Shot, findings: &mut Findings) {
    let source = &*shot.prompt.source;
    let values = shot.axes.iter().flat_map(|axis| axis.values.iter().map(|(value, _)| &**value));
    let (literal, tags) = literal_parts(source);
    let unclear = tags
        .iter()
        .any(|tag| MOTION_ATTRIBUTES.iter().any(|name| tag.to_lowercase().contains(name)));
    if unclear || !motion::lacks_motion(literal.into_iter().chain(values)) {
        return;
    }
    let message = format!("the prompt of `{}` describes looks, but nothing that moves", shot.id);
    let help = "say what happens or how the camera moves: `the mug turns slowly`, `slow push in`";
    let finding = Finding::advice("plan::no_motion", message).help(help);
    findings.push(finding.at(shot.prompt.place, "a still picture could show this"));
}

/// A template's text outside its tags, and the insides of the tags.
fn literal_parts(source: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut literal, mut tags) = (Vec::new(), Vec::new());
    let mut rest = source;
    while let Some(open) = rest.find("{{").into_iter().chain(rest.find("{%")).min() {
        literal.push(&rest[..open]);
        let inside = &rest[open + 2..];
        let close = inside.find("}}").into_iter().chain(inside.find("%}")).min();
        let close = close.unwrap_or(inside.len());
        tags.push(&inside[..close]);
        rest = inside.get(close + 2..).unwrap_or("");
    }
    literal.push(rest);
    (literal, tags)
}
