//! Which pictures are attached to a job: its subject's, those of further subjects, the shot's.

use std::sync::Arc;

use super::{Step, VariantFacts, Worker};
use crate::manifest::{Reference, SubjectRef};
use crate::plan::matching::{Candidate, Owner};

impl<'c> Worker<'c, '_> {
    pub(super) fn facts_of(&self, step: &Step<'c>) -> VariantFacts<'c> {
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
        VariantFacts { further, names, estimates: Vec::new(), needs: Vec::new() }
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
    pub(super) fn candidates(
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
}
