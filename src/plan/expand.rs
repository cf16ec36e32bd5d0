//! Expansion: one chunk of jobs, made from its shot's plan. Runs on any thread.
//!
//! What lives here: choosing subjects, filling in templates, matching inputs, and putting a job
//! together. What never does: order between chunks, sums.

mod attach;
mod finish;

pub(super) use finish::derived_seed;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::advise;
use super::choose::Tried;
use super::context::{ConditionContext, PromptContext, Scope, typed_cell};
use super::crops::CropTally;
use super::diff::Planned;
use super::estimate::{Estimate, estimate};
use super::guard::{Marks, Seen};
use super::job::{Attached, RouteReason};
use super::matching::{Candidate, Matched, Names, Owner, find_route, meant_by};
use super::mention::{Piece, pieces};
use super::notes::{Concerned, Notes};
use super::pictures::{self, RouteNeeds};
use super::planner::{ChunkSpec, CompiledShot, Planner, ShotPlan};
use super::prompt::{self, Calling, Meaning};
use super::select::{Asked, Narrowed};
use super::tally::ChunkTally;
use super::together;
use super::variants::Variant;
use super::wanted::Waiting;
use crate::ledger::KnownJobs;
use crate::manifest::{Catalogue, Shot, SubjectRef};
use crate::media::PictureId;
use crate::media::prepare::Recipe;
use crate::models::Route;
use crate::template::{Compiled, Ordered, TemplateError, TemplateValue};

/// The jobs of one chunk, with all that is to be said and summed about them.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub jobs: Vec<Planned>,
    pub notes: Notes,
    pub tally: ChunkTally,
    /// Jobs that could be left out.
    pub crops: CropTally,
    /// What guardrails look at.
    pub seen: Seen,
    /// The jobs' part of the plan's digest.
    pub digested: Vec<u8>,
    /// A hash of each job's output path, in the order of the jobs.
    pub paths: Vec<u64>,
    /// How each variant's model did, where models are only tried.
    pub tried: BTreeMap<usize, Tried>,
    /// Pictures that are not fetched yet, and jobs that need them.
    pub waiting: Waiting,
    /// Pictures with URLs that jobs would send, each with how many jobs of the chunk come before;
    /// where the planner gathers them.
    pub wanted: Vec<(u64, PictureId)>,
    /// Which one it is.
    pub spec: ChunkSpec,
}

/// Makes chunks of one planner.
pub(super) struct Expander<'a> {
    pub planner: &'a Planner,
    pub shots: &'a [CompiledShot<'a, 'a>],
    pub known: &'a KnownJobs,
}

impl Expander<'_> {
    /// Makes one chunk.
    pub fn chunk(&self, spec: ChunkSpec) -> Chunk {
        let mut worker = self.worker(spec);
        worker.run(spec, Worker::takes);
        worker.chunk
    }

    /// The same with its first jobs only.
    pub fn first_of(&self, spec: ChunkSpec, jobs: u64) -> Chunk {
        let mut worker = self.worker(spec);
        worker.most = jobs;
        worker.run(spec, Worker::takes);
        worker.chunk
    }

    /// Tries the models of one chunk's variants on its jobs.
    pub fn trial(&self, spec: ChunkSpec) -> BTreeMap<usize, Tried> {
        let mut worker = self.worker(spec);
        worker.run(spec, Worker::try_out);
        worker.chunk.tried
    }

    fn worker(&self, spec: ChunkSpec) -> Worker<'_, '_> {
        let plan = &self.planner.shots[spec.shot];
        let catalogue = &*self.planner.catalogue;
        Worker {
            planner: self.planner,
            catalogue,
            plan,
            shot: &catalogue.shots[plan.shot],
            compiled: &self.shots[spec.shot],
            known: self.known,
            scope: self.planner.scope(),
            facts: HashMap::new(),
            most: u64::MAX,
            chunk: Chunk { spec, ..Chunk::default() },
        }
    }
}

/// What the jobs of one variant share, kept while a chunk is made.
pub(super) struct VariantFacts<'c> {
    /// Pictures of further subjects and of the shot itself.
    further: Vec<Candidate<'c>>,
    /// Alias and id of each further subject.
    names: Vec<(Arc<str>, Arc<str>)>,
    /// Estimates by route and number of pictures.
    estimates: Vec<((Route, usize), Arc<Estimate>)>,
    /// What routes need of pictures.
    needs: Vec<RouteNeeds>,
}

/// What the takes of one subject and variant share.
pub(super) struct Prepared {
    prompt: String,
    negative: Option<String>,
    pub route: Route,
    reason: RouteReason,
    attached: Vec<Attached>,
    marks: Marks,
    pub estimate: Arc<Estimate>,
}

pub(super) struct Worker<'c, 'e> {
    pub planner: &'c Planner,
    pub catalogue: &'c Catalogue,
    pub plan: &'c ShotPlan,
    pub shot: &'c Shot,
    pub compiled: &'e CompiledShot<'e, 'e>,
    known: &'e KnownJobs,
    scope: Arc<Scope>,
    facts: HashMap<usize, VariantFacts<'c>>,
    /// Jobs that are kept at most.
    most: u64,
    pub chunk: Chunk,
}

/// One subject, variant and number of takes that are made together.
pub(super) struct Step<'c> {
    pub subject: Option<SubjectRef>,
    /// `set.id`, or the shot's id.
    pub who: String,
    pub variant: usize,
    pub details: &'c Variant,
    pub jobs: u64,
}

impl Step<'_> {
    pub fn concerned(&self) -> Concerned<'_> {
        Concerned { subject: &self.who, jobs: self.jobs }
    }
}

impl<'c> Worker<'c, '_> {
    /// Gives every subject's variants, with all their takes in the chunk, to `make`.
    fn run(&mut self, spec: ChunkSpec, make: fn(&mut Self, &Step<'c>, u32)) {
        let per_subject = self.plan.per_subject();
        let takes = u64::from(self.plan.takes);
        let mut at = spec.start;
        let narrowed = self.planner.narrowed.as_deref();
        let by_take = narrowed.is_some_and(Narrowed::by_take);
        while at < spec.end && !self.is_full() {
            let position = at / per_subject;
            let until = ((position + 1) * per_subject).min(spec.end);
            let subject = self.plan.subject(position);
            if !self.selects(subject) {
                at = until;
                continue;
            }
            let mut who = Some(self.who(subject));
            while at < until && !self.is_full() {
                let inside = at % per_subject;
                let (variant, take) = (inside / takes, inside % takes);
                let jobs = if by_take { 1 } else { (takes - take).min(until - at) };
                // Positions inside a subject are below the variants' count, which is a usize.
                let variant = variant as usize;
                let details = &self.plan.variants[variant];
                let name = who.take().unwrap_or_default();
                let step = Step { subject, who: name, variant, details, jobs };
                let take = take as u32 + 1;
                let asked = Asked { plan: self.plan, subject, who: &step.who, details, take };
                if narrowed.is_none_or(|narrowed| narrowed.takes(self.catalogue, &asked)) {
                    make(self, &step, take);
                }
                who = Some(step.who);
                at += jobs;
            }
        }
    }

    /// Whether no more jobs are kept.
    fn is_full(&self) -> bool {
        self.chunk.jobs.len() as u64 >= self.most
    }

    fn who(&self, subject: Option<SubjectRef>) -> String {
        match subject {
            None => self.shot.id.to_string(),
            Some(at) => self.catalogue.subject_name(at),
        }
    }

    fn selects(&mut self, subject: Option<SubjectRef>) -> bool {
        let Some(at) = subject else { return true };
        let of = &self.catalogue.sets[at.set as usize].subjects[at.subject as usize];
        if !self.shot.tags.iter().all(|tag| of.tags.iter().any(|t| **t == **tag)) {
            return false;
        }
        let (Some(condition), Some(source)) = (&self.compiled.condition, &self.shot.condition)
        else {
            return true;
        };
        let context = ConditionContext { scope: self.scope.clone(), subject: at, inner: false };
        let (compiled, set) = (self.compiled, &self.catalogue.sets[at.set as usize]);
        let unlike = |ordered: &&Ordered| {
            let cell = typed_cell(set, of, ordered.name.trim_start_matches("subject."));
            cell.is_some_and(|cell| match ordered.with_number {
                true => !cell.is_number(),
                false => cell.as_str().is_none(),
            })
        };
        if let Some(ordered) = compiled.ordered.iter().find(unlike) {
            let who = self.who(subject);
            let who = Concerned { subject: &who, jobs: self.plan.per_subject() };
            advise::not_comparable(self, source, ordered, who);
            return false;
        }
        match condition.holds(TemplateValue::from_object(context)) {
            Ok(holds) => holds,
            Err(error) => {
                let who = self.who(subject);
                let who = Concerned { subject: &who, jobs: self.plan.per_subject() };
                let note = || advise::template_error(source, &error, "plan::condition");
                self.chunk.notes.add(self.plan.shot, "plan::condition", &error.message, who, note);
                false
            }
        }
    }

    /// Makes `step.jobs` takes from `first` on.
    fn takes(&mut self, step: &Step<'c>, first: u32) {
        let last = first + (step.jobs as u32 - 1);
        if self.compiled.by_take {
            for take in first..=last {
                let one = Step { who: step.who.clone(), jobs: 1, ..*step };
                if let Some(prepared) = self.prepare(&one, take) {
                    self.finish(&one, prepared, take);
                }
            }
            return;
        }
        let Some(mut prepared) = self.prepare(step, first) else { return };
        for take in first..last {
            self.finish(step, prepared.copy(), take);
        }
        prepared.prompt.shrink_to_fit();
        self.finish(step, prepared, last);
    }

    pub fn prepare(&mut self, step: &Step<'c>, take: u32) -> Option<Prepared> {
        let mut facts = self.facts.remove(&step.variant).unwrap_or_else(|| self.facts_of(step));
        let prepared = self.prepare_with(step, take, &mut facts);
        self.facts.insert(step.variant, facts);
        prepared
    }

    fn prepare_with(
        &mut self,
        step: &Step<'c>,
        take: u32,
        facts: &mut VariantFacts<'c>,
    ) -> Option<Prepared> {
        let card = &*step.details.card;
        let context = self.context(step, take);
        let text = self.render(step, &self.compiled.prompt, &self.shot.prompt, &context)?;
        let negative = match (&self.compiled.negative, &self.shot.negative_prompt) {
            (Some(compiled), Some(template)) if card.negative_prompt => {
                let text = self.render(step, compiled, template, &context)?;
                Some(prompt::collapse(&text)).filter(|text| !text.is_empty())
            }
            _ => None,
        };
        let candidates = self.candidates(step.subject, &facts.further);
        let names = Names { own: self.own_id(step.subject), with: &facts.names };
        let meaning = self.read_mentions(step, &text, &candidates, names)?;
        let asked = self.shot.route.map(|(route, _)| route);
        let matched = match find_route(card, asked, &candidates, &meaning.mentioned) {
            Ok(matched) => matched,
            Err(mismatch) => {
                advise::mismatch(self, step, mismatch);
                return None;
            }
        };
        let prompt = self.write(step, &text, &meaning, &candidates, &matched);
        if !advise::prompt_fits(self, step, &prompt, negative.as_deref()) {
            return None;
        }
        if !together::settings_fit(self, step, matched.route) {
            return None;
        }
        let needs = pictures::needs_of(&mut facts.needs, step, matched.route);
        let recipes = pictures::recipes(self, step, &candidates, &matched, needs)?;
        let images = matched.sent.len();
        let estimate = self.estimate(step, facts, matched.route, images);
        advise::on_cost(self, step, &matched, &estimate);
        let marks = advise::on_people(self, step, &candidates, &matched);
        advise::on_inputs(
            self,
            step,
            &candidates,
            &meaning.mentioned,
            &matched,
            |worker, by, n| worker.estimate(step, facts, by, n),
        );
        let attach = |((i, role), recipe): (&(usize, _), Recipe)| {
            let candidate = &candidates[*i];
            Attached {
                name: candidate.shown.clone(),
                role: *role,
                given: candidate.reference.role,
                picture: candidate.reference.picture,
                recipe,
                url: candidate.reference.url.clone(),
            }
        };
        let attached = matched.sent.iter().zip(recipes).map(attach).collect();
        let Matched { route, reason, .. } = matched;
        Some(Prepared { prompt, negative, route, reason, attached, marks, estimate })
    }

    fn own_id(&self, subject: Option<SubjectRef>) -> Option<&'c str> {
        let at = subject?;
        Some(&self.catalogue.sets[at.set as usize].subjects[at.subject as usize].id)
    }

    fn context(&self, step: &Step<'c>, take: u32) -> TemplateValue {
        TemplateValue::from_object(self.prompt_context(step, take))
    }

    fn prompt_context(&self, step: &Step<'c>, take: u32) -> PromptContext {
        PromptContext {
            scope: self.scope.clone(),
            shot: self.plan.shot,
            variant: step.variant,
            subject: step.subject,
            take,
            job: None,
        }
    }

    fn render(
        &mut self,
        step: &Step<'c>,
        compiled: &Compiled<'_, '_>,
        template: &crate::manifest::Template,
        context: &TemplateValue,
    ) -> Option<String> {
        match compiled.render(context.clone()) {
            Ok(text) => Some(text),
            Err(error) => {
                self.template_problem(step, template, &error);
                None
            }
        }
    }

    fn template_problem(
        &mut self,
        step: &Step<'c>,
        template: &crate::manifest::Template,
        error: &TemplateError,
    ) {
        let key = format!("{:?}{}", error.range, error.message);
        let code = "plan::template";
        let note = || advise::template_error(template, error, code);
        self.chunk.notes.add(self.plan.shot, code, &key, step.concerned(), note);
    }

    /// What each mention means; `None` when one is unknown.
    fn read_mentions<'t>(
        &mut self,
        step: &Step<'c>,
        text: &'t str,
        candidates: &[Candidate<'c>],
        names: Names<'_>,
    ) -> Option<Meaning<'t>> {
        let mut meaning = Meaning { calls: Vec::new(), mentioned: vec![false; candidates.len()] };
        if !text.contains('@') {
            return Some(meaning);
        }
        let mut unknown = false;
        for piece in pieces(text) {
            let Piece::Call(call) = piece else { continue };
            let meant = meant_by(&call, candidates, names);
            if meant.is_empty() {
                advise::unknown_mention(self, step, &call, candidates, names);
                unknown = true;
            }
            meant.iter().for_each(|i| meaning.mentioned[*i] = true);
            meaning.calls.push((call, meant));
        }
        (!unknown).then_some(meaning)
    }

    fn write(
        &self,
        step: &Step<'c>,
        text: &str,
        meaning: &Meaning<'_>,
        candidates: &[Candidate<'c>],
        matched: &Matched,
    ) -> String {
        let sent: Vec<usize> = matched.sent.iter().map(|(i, _)| *i).collect();
        let ability = step.details.card.routes.get(&matched.route);
        let noun = |owner: Owner| self.noun(step, owner);
        let syntax = ability.and_then(|a| a.mention.as_ref());
        prompt::write(text, meaning, &Calling { all: candidates, sent: &sent, syntax, noun: &noun })
    }

    /// What a subject is called in plain words: its title, its name, or its id. Empty for the
    /// shot's own pictures, which are called by their own names.
    fn noun(&self, step: &Step<'c>, owner: Owner) -> String {
        let at = match owner {
            Owner::Shot => None,
            Owner::Subject => step.subject,
            Owner::With(position) => Some(step.details.with[position].1),
        };
        let Some(at) = at else { return String::new() };
        let set = &self.catalogue.sets[at.set as usize];
        let subject = &set.subjects[at.subject as usize];
        let attribute = |name| set.columns.position(name).and_then(|p| subject.row.get(p));
        let named = ["title", "name"].into_iter().filter_map(attribute).map(str::trim);
        named.into_iter().find(|text| !text.is_empty()).unwrap_or(&subject.id).to_owned()
    }

    fn estimate(
        &self,
        step: &Step<'c>,
        facts: &mut VariantFacts<'c>,
        route: Route,
        images: usize,
    ) -> Arc<Estimate> {
        let by = (route, images);
        if let Some((_, found)) = facts.estimates.iter().find(|(key, _)| *key == by) {
            return found.clone();
        }
        let Variant { card, settings, .. } = step.details;
        let budget = &self.catalogue.budget;
        let rule = self.shot.settings.consistency.of(&card.provider, route);
        let retakes = rule.map_or(0, |rule| rule.max_retakes);
        let attempts = self.catalogue.charged_attempts().saturating_mul(retakes.saturating_add(1));
        let made = Arc::new(estimate(card, settings, route, images, budget, attempts));
        facts.estimates.push((by, made.clone()));
        made
    }
}

impl Prepared {
    fn copy(&self) -> Self {
        Prepared {
            prompt: self.prompt.clone(),
            negative: self.negative.clone(),
            attached: self.attached.clone(),
            marks: self.marks.clone(),
            estimate: self.estimate.clone(),
            ..*self
        }
    }
}
