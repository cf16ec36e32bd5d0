//! The last step of expansion: one job put together, named, and noted for the plan's digest.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use super::{Prepared, Step, Worker};
use crate::address::Address;
use crate::plan::diff::{Planned, Standing};
use crate::plan::digesting::{Money, digest_into};
use crate::plan::guard::Marks;
use crate::plan::job::{Fingerprint, PlannedJob};
use crate::plan::notes::Concerned;
use crate::plan::variants::Variant;
use crate::plan::{advise, out_path};
use crate::template::TemplateValue;

impl<'c> Worker<'c, '_> {
    /// Puts one job together.
    pub(super) fn finish(&mut self, step: &Step<'c>, prepared: Prepared, take: u32) {
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
            Some((attached.role, &facts.digest, &attached.recipe))
        });
        let Prepared { prompt, negative, route, reason, .. } = &prepared;
        let (route, reason) = (*route, *reason);
        let retake = self.known.get(&key).map_or(0, |known| known.retake);
        let fingerprint =
            Fingerprint::of(card, route, prompt, negative.as_deref(), &settings, retake, facts);
        let Some(out) = self.out(step, take, (key, address.clone())) else { return };
        let consistency = self.shot.settings.consistency.of(&card.provider, route).cloned();
        assert!(
            consistency.is_none() || !prepared.attached.is_empty(),
            "a clip is held against pictures that its job sends"
        );
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
            retake,
            attached: prepared.attached,
            fingerprint,
            estimate: prepared.estimate.price.clone(),
            spread: prepared.estimate.spread,
            text_estimate: prepared.estimate.text,
            out,
            channel: step.details.channel.clone(),
            consistency,
        };
        self.keep(job, step.variant, &prepared.marks);
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
            Ok(path) => match out_path::check(&path) {
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

    fn keep(&mut self, job: PlannedJob, variant: usize, marks: &Marks) {
        let standing = Standing::of(job.key, &job.fingerprint, self.known);
        let narrowed = self.planner.narrowed.as_ref();
        if narrowed.is_some_and(|narrowed| narrowed.first.is_some()) && !standing.runs()
            || self.is_full()
        {
            return;
        }
        let shot = self.chunk.spec.shot;
        let crops = self.planner.crops.get(shot).filter(|_| self.planner.narrowed.is_none());
        let serves = crops.and_then(|crops| crops.get(variant)).is_some_and(Option::is_some);
        let chunk = &mut self.chunk;
        if serves && standing.runs() {
            chunk.crops.add(shot, variant, &job);
        }
        chunk.tally.add(&job, &standing);
        if standing.runs() {
            chunk.seen.add(&job, marks, &self.catalogue.guardrails);
        }
        let money = Money::of(&job);
        let (address, name) = (job.address.as_str(), &job.fingerprint.whole);
        digest_into(address, name, money.as_ref(), &mut chunk.digested);
        let hasher: BuildHasherDefault<DefaultHasher> = BuildHasherDefault::default();
        chunk.paths.push(hasher.hash_one(&*job.out));
        chunk.jobs.push(Planned { job, standing });
    }
}

/// A seed from an address' digest: stable for the job, and below 2^31, which every provider
/// that takes seeds accepts.
pub(in crate::plan) fn derived_seed(key: &[u8; 16]) -> u64 {
    let bytes = [key[12], key[13], key[14], key[15]];
    u64::from(u32::from_le_bytes(bytes) >> 1)
}
