//! Routes that the jobs of a variant may go by, before any job is made.
//!
//! What lives here: which pictures a shot's jobs have, as far as it matters for their routes. What
//! never does: the route of one job; `matching` finds that.
//!
//! Too many rather than too few: `where:` is not asked, and an `@` in a prompt may be a mention.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::manifest::{Catalogue, Reference, Role, Shot, SubjectRef};
use crate::models::{ModelCard, Route};
use crate::plan::matching::is_used;

/// The pictures of a job, as far as they decide on its route.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Pictures {
    first: bool,
    last: bool,
    /// All but last frames; two are as good as more.
    useful: u8,
}

impl Pictures {
    fn add(&mut self, reference: &Reference) {
        self.first |= reference.role == Role::FirstFrame;
        match reference.role {
            Role::LastFrame => self.last = true,
            _ => self.useful = (self.useful + 1).min(2),
        }
    }

    /// The route of a job whose prompt mentions none of them.
    fn route(self, card: &ModelCard) -> Route {
        let has = |route| card.routes.contains_key(&route);
        match (self.first, self.last, self.useful) {
            (true, true, _) => Route::Frames,
            (true, false, _) => Route::Image,
            (_, _, 0) => Route::Text,
            (_, _, 1) if has(Route::Image) || !has(Route::References) => Route::Image,
            _ => Route::References,
        }
    }
}

/// What the jobs of a shot bring along, each kind once.
#[derive(Debug)]
pub(in crate::plan) struct Own(BTreeSet<Pictures>);

impl Own {
    /// Of all subjects that a shot is for; without one, of the shot alone.
    pub fn of(catalogue: &Catalogue, shot: &Shot) -> Self {
        let mut kinds = BTreeSet::new();
        if shot.selects.is_empty() {
            kinds.insert(Pictures::default());
        }
        for selection in &shot.selects {
            let subjects = &catalogue.sets[selection.set as usize].subjects;
            let one = selection.subject.map(|at| at as usize);
            let of = one.map_or(&subjects[..], |at| &subjects[at..=at]);
            let tagged = of.iter().filter(|subject| {
                shot.tags.iter().all(|tag| subject.tags.iter().any(|has| **has == **tag))
            });
            kinds.extend(tagged.map(|subject| {
                let mut pictures = Pictures::default();
                let used = subject.references.iter().filter(|of| is_used(shot, of, None));
                used.for_each(|reference| pictures.add(reference));
                pictures
            }));
        }
        Own(kinds)
    }
}

/// What decides on the routes of a variant's jobs.
#[derive(Debug, Clone)]
pub(in crate::plan) struct Reach {
    asked: Option<Route>,
    mentions: bool,
    kinds: BTreeSet<Pictures>,
}

impl Reach {
    /// Of a variant, by its further subjects.
    pub fn of(
        catalogue: &Catalogue,
        shot: &Shot,
        with: &[(Arc<str>, SubjectRef)],
        own: &Own,
    ) -> Self {
        let further = with.iter().flat_map(|(alias, at)| {
            let subject = &catalogue.sets[at.set as usize].subjects[at.subject as usize];
            let of = (&**alias, &*subject.id);
            subject.references.iter().filter(move |one| is_used(shot, one, Some(of)))
        });
        let shots = shot.references.iter().filter(|one| is_used(shot, one, None));
        let shared: Vec<&Reference> = further.chain(shots).collect();
        let whole = |mut pictures: Pictures| {
            shared.iter().for_each(|reference| pictures.add(reference));
            pictures
        };
        Reach {
            asked: shot.route.map(|(route, _)| route),
            // `@@` is a plain one.
            mentions: shot.prompt.source.replace("@@", "").contains('@'),
            kinds: own.0.iter().copied().map(whole).collect(),
        }
    }

    /// The routes on a model.
    pub fn routes(&self, card: &ModelCard) -> BTreeSet<Route> {
        if let Some(asked) = self.asked {
            return BTreeSet::from([asked]);
        }
        let mut routes: BTreeSet<Route> = self.kinds.iter().map(|of| of.route(card)).collect();
        if self.mentions {
            let has = card.routes.contains_key(&Route::References);
            routes.insert(if has { Route::References } else { Route::Image });
        }
        routes
    }
}
