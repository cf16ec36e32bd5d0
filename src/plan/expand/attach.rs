//! Which pictures are attached to a job: its subject's, those of further subjects, the shot's.

use std::sync::Arc;

use super::{Step, VariantFacts, Worker};
use crate::manifest::SubjectRef;
use crate::plan::matching::{Candidate, Owner, is_used};

impl<'c> Worker<'c, '_> {
    pub(super) fn facts_of(&self, step: &Step<'c>) -> VariantFacts<'c> {
        let mut further = Vec::new();
        let mut names = Vec::new();
        for (position, (alias, at)) in step.details.with.iter().enumerate() {
            let subject = &self.catalogue.sets[at.set as usize].subjects[at.subject as usize];
            names.push((alias.clone(), Arc::from(&*subject.id)));
            for reference in &subject.references {
                let shown: Arc<str> = format!("{alias}.{}", reference.name).into();
                if is_used(self.shot, reference, Some((alias, &subject.id))) {
                    further.push(Candidate { owner: Owner::With(position), reference, shown });
                }
            }
        }
        let own =
            self.shot.references.iter().filter(|reference| is_used(self.shot, reference, None));
        further.extend(own.map(|reference| Candidate {
            owner: Owner::Shot,
            reference,
            shown: reference.name.clone(),
        }));
        VariantFacts { further, names, estimates: Vec::new(), needs: Vec::new() }
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
        let own = own.into_iter().flatten().filter(|reference| is_used(self.shot, reference, None));
        let own = own.map(|reference| Candidate {
            owner: Owner::Subject,
            reference,
            shown: reference.name.clone(),
        });
        own.chain(further.iter().cloned()).collect()
    }
}
