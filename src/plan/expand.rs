//! Expansion: one chunk of jobs, made from its shot's plan. Runs on any thread.
//!
//! What lives here: choosing subjects, filling in templates, matching inputs, and putting a job
//! together. What never does: order between chunks, sums.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use rust_decimal::Decimal;

use super::advise;
use super::context::{ConditionContext, PromptContext, Scope, typed_cell};
use super::diff::{Planned, Standing};
use super::estimate::{Estimate, estimate};
use super::job::{Attached, Fingerprint, PlannedJob, RouteReason};
use super::matching::{Candidate, Matched, Names, Owner, find_route, meant_by};
use super::mention::{Piece, pieces};
use super::notes::{Concerned, Notes};
use super::planner::{ChunkSpec, CompiledShot, Planner, ShotPlan};
use super::prompt::{self, Calling, Meaning};
use super::tally::Cells;
use super::together;
use super::variants::Variant;
use crate::address::Address;
use crate::ledger::KnownJobs;
use crate::manifest::{Catalogue, Reference, Shot, SubjectRef};
use crate::models::{Priced, Route};
use crate::template::{Compiled, Ordered, TemplateError, TemplateValue};

/// The jobs of one chunk, with all that is to be said and summed about them.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub jobs: Vec<Planned>,
    pub notes: Notes,
    pub cells: Cells,
    /// The jobs' part of the plan's digest.
    pub digested: Vec<u8>,
    /// A hash of each job's output path, in the order of the jobs.
    pub paths: Vec<u64>,
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
        let plan = &self.planner.shots[spec.shot];
        let catalogue = &*self.planner.catalogue;
        let mut worker = Worker {
            planner: self.planner,
            catalogue,
            plan,
            shot: &catalogue.shots[plan.shot],
            compiled: &self.shots[spec.shot],
            known: self.known,
            scope: self.planner.scope(),
            facts: HashMap::new(),
            chunk: Chunk::default(),
        };
        worker.run(spec);
        worker.chunk
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
}

/// What the takes of one subject and variant share.
struct Prepared {
    prompt: String,
    negative: Option<String>,
    route: Route,
    reason: RouteReason,
    attached: Vec<Attached>,
    estimate: Arc<Estimate>,
}

pub(super) struct Worker<'c, 'e> {
    pub planner: &'c Planner,
    pub catalogue: &'c Catalogue,
    pub plan: &'c ShotPlan,
    pub shot: &'c Shot,
    compiled: &'e CompiledShot<'e, 'e>,
    known: &'e KnownJobs,
    scope: Arc<Scope>,
    facts: HashMap<usize, VariantFacts<'c>>,
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
    fn run(&mut self, spec: ChunkSpec) {
        let per_subject = self.plan.per_subject();
        let takes = u64::from(self.plan.takes);
        let mut at = spec.start;
        while at < spec.end {
            let position = at / per_subject;
            let until = ((position + 1) * per_subject).min(spec.end);
            let subject = self.plan.subject(position);
            if !self.selects(subject) {
                at = until;
                continue;
            }
            let mut who = Some(self.who(subject));
            while at < until {
                let inside = at % per_subject;
                let (variant, take) = (inside / takes, inside % takes);
                let jobs = (takes - take).min(until - at);
                // Positions inside a subject are below the variants' count, which is a usize.
                let variant = variant as usize;
                let details = &self.plan.variants[variant];
                let name = who.take().unwrap_or_default();
                let step = Step { subject, who: name, variant, details, jobs };
                self.takes(&step, take as u32 + 1);
                who = Some(step.who);
                at += jobs;
            }
        }
    }

    fn who(&self, subject: Option<SubjectRef>) -> String {
        match subject {
            None => self.shot.id.to_string(),
            Some(at) => {
                let set = &self.catalogue.sets[at.set as usize];
                format!("{}.{}", set.name, set.subjects[at.subject as usize].id)
            }
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

    fn prepare(&mut self, step: &Step<'c>, take: u32) -> Option<Prepared> {
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
        if !together::settings_fit(self, step, matched.route)
            || !advise::pictures_fit(self, step, &candidates, &matched)
        {
            return None;
        }
        let images = matched.sent.len();
        let estimate = self.estimate(step, facts, matched.route, images);
        advise::on_cost(self, step, &matched, &estimate);
        advise::on_inputs(
            self,
            step,
            &candidates,
            &meaning.mentioned,
            &matched,
            |worker, by, n| worker.estimate(step, facts, by, n),
        );
        let attach = |(i, role): &(usize, _)| {
            let candidate = &candidates[*i];
            Attached {
                name: candidate.shown.clone(),
                role: *role,
                picture: candidate.reference.picture,
            }
        };
        let attached = matched.sent.iter().map(attach).collect();
        let Matched { route, reason, .. } = matched;
        Some(Prepared { prompt, negative, route, reason, attached, estimate })
    }

    fn facts_of(&self, step: &Step<'c>) -> VariantFacts<'c> {
        let mut further = Vec::new();
        let mut names = Vec::new();
        for (position, (alias, at)) in step.details.with.iter().enumerate() {
            let subject = &self.catalogue.sets[at.set as usize].subjects[at.subject as usize];
            names.push((alias.clone(), Arc::from(&*subject.id)));
            for reference in &subject.references {
                let shown: Arc<str> = format!("{alias}.{}", reference.name).into();
                if self.is_used(reference, Some((alias, &subject.id))) {
                    further.push(Candidate { owner: Owner::With(position), reference, shown });
                }
            }
        }
        let own = self.shot.references.iter().filter(|reference| self.is_used(reference, None));
        further.extend(own.map(|reference| Candidate {
            owner: Owner::Shot,
            reference,
            shown: reference.name.clone(),
        }));
        VariantFacts { further, names, estimates: Vec::new() }
    }

    /// Whether `use:` lets a reference in: by its name, its group, its subject's alias or id, or
    /// `alias.name`.
    fn is_used(&self, reference: &Reference, of: Option<(&str, &str)>) -> bool {
        let Some(uses) = &self.shot.uses else { return true };
        let named =
            |name: &str| *reference.name == *name || reference.group.as_deref() == Some(name);
        uses.iter().any(|(name, _)| match of {
            None => named(name),
            Some((alias, id)) => [alias, id].into_iter().any(|owner| {
                let rest = name.strip_prefix(owner);
                rest.is_some_and(|r| r.is_empty() || r.strip_prefix('.').is_some_and(named))
            }),
        })
    }

    /// A job's pictures: its subject's, then those of further subjects and of the shot.
    fn candidates(
        &self,
        subject: Option<SubjectRef>,
        further: &[Candidate<'c>],
    ) -> Vec<Candidate<'c>> {
        let own = subject.map(|at| {
            let set = &self.catalogue.sets[at.set as usize];
            &set.subjects[at.subject as usize].references
        });
        let own = own.into_iter().flatten().filter(|reference| self.is_used(reference, None));
        let own = own.map(|reference| Candidate {
            owner: Owner::Subject,
            reference,
            shown: reference.name.clone(),
        });
        own.chain(further.iter().cloned()).collect()
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
        let made = Arc::new(estimate(card, settings, route, images, &self.catalogue.budget));
        facts.estimates.push((by, made.clone()));
        made
    }

    /// Puts one job together.
    fn finish(&mut self, step: &Step<'c>, prepared: Prepared, take: u32) {
        let Variant { text, card, settings, .. } = step.details;
        let subject = step.subject.map(|at| {
            let set = &self.catalogue.sets[at.set as usize];
            (&*set.name, &*set.subjects[at.subject as usize].id)
        });
        let address = Address::new(subject, &self.shot.id, text.as_deref(), take);
        let key = address.key();
        let mut settings = settings.clone();
        if card.seed {
            let given = self.shot.seeds.get(take as usize - 1).copied();
            settings.seed = Some(given.unwrap_or_else(|| derived_seed(&key.0)));
        }
        let facts = prepared.attached.iter().filter_map(|attached| {
            let facts = self.catalogue.pictures.facts(attached.picture)?;
            Some((attached.role, &facts.digest))
        });
        let Prepared { prompt, negative, route, reason, .. } = &prepared;
        let (route, reason) = (*route, *reason);
        let fingerprint =
            Fingerprint::of(card, route, prompt, negative.as_deref(), &settings, facts);
        let Some(out) = self.out(step, take, (key, address.clone())) else { return };
        let job = PlannedJob {
            address,
            key,
            shot: self.plan.shot as u32,
            subject: step.subject,
            take,
            model: card.clone(),
            route,
            reason,
            prompt: prepared.prompt,
            negative_prompt: prepared.negative,
            settings,
            attached: prepared.attached,
            fingerprint,
            estimate: prepared.estimate.price.clone(),
            text_estimate: prepared.estimate.text,
            out,
        };
        self.keep(job);
    }

    fn out(
        &mut self,
        step: &Step<'c>,
        take: u32,
        job: (crate::address::JobKey, Address),
    ) -> Option<String> {
        let template = self.shot.out.as_ref().unwrap_or(&self.catalogue.out);
        let mut context = self.prompt_context(step, take);
        context.job = Some(job);
        let one = Concerned { subject: &step.who, jobs: 1 };
        let shot = self.plan.shot;
        match self.compiled.out.render(TemplateValue::from_object(context)) {
            Ok(path) => match super::out_path::check(&path) {
                Ok(()) => Some(path),
                Err(problem) => {
                    let note = || advise::out_path(template, &path, problem);
                    self.chunk.notes.add(shot, "plan::out_path", problem, one, note);
                    None
                }
            },
            Err(error) => {
                let code = "plan::template";
                let key = format!("out {:?}{}", error.range, error.message);
                let note = || advise::template_error(template, &error, code);
                self.chunk.notes.add(shot, code, &key, one, note);
                None
            }
        }
    }

    fn keep(&mut self, job: PlannedJob) {
        let standing = Standing::of(job.key, &job.fingerprint, self.known);
        let kind = job.subject.map(|at| self.catalogue.sets[at.set as usize].kind);
        let chunk = &mut self.chunk;
        chunk.cells.add(&job, kind, &standing);
        digest_into(&job, &mut chunk.digested);
        let hasher: BuildHasherDefault<DefaultHasher> = BuildHasherDefault::default();
        chunk.paths.push(hasher.hash_one(&*job.out));
        chunk.jobs.push(Planned { job, standing });
    }
}

impl Prepared {
    fn copy(&self) -> Self {
        Prepared {
            prompt: self.prompt.clone(),
            negative: self.negative.clone(),
            attached: self.attached.clone(),
            estimate: self.estimate.clone(),
            ..*self
        }
    }
}

/// A seed from an address' digest: stable for the job, and below 2^31, which every provider
/// that takes seeds accepts.
fn derived_seed(key: &[u8; 16]) -> u64 {
    let bytes = [key[12], key[13], key[14], key[15]];
    u64::from(u32::from_le_bytes(bytes) >> 1)
}

/// Address, fingerprint and estimate, so that no two different lists of jobs give the same
/// bytes: the address is preceded by its length, the rest has a fixed one.
fn digest_into(job: &PlannedJob, out: &mut Vec<u8>) {
    let address = job.address.as_str().as_bytes();
    out.extend_from_slice(&(address.len() as u64).to_le_bytes());
    out.extend_from_slice(address);
    out.extend_from_slice(job.fingerprint.whole.as_bytes());
    match &job.estimate {
        Priced::Known(amount) => {
            out.push(1);
            out.extend_from_slice(&amount.value.normalize().serialize());
        }
        Priced::Unpriced => {
            out.push(0);
            out.extend_from_slice(&Decimal::ZERO.serialize());
        }
    }
}
