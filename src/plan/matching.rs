//! Input matching: which route a job goes by, and which pictures it takes along.
//!
//! What lives here: the candidates of a job, what a mention means among them, and the rules
//! from pictures and mentions to a route, each with its reason. What never does: prompts, prices.
//!
//! The rules, in order: a route that the manifest names; first and last frame → `frames`; a
//! first frame → `image`; no picture → `text`; one picture that is not mentioned → `image`;
//! several, or a mention → `references`.

use std::sync::Arc;

use super::job::RouteReason;
use super::mention::Call;
use crate::manifest::{Reference, Role, Shot};
use crate::models::{ModelCard, Route};

/// Whose picture a candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The job's own subject's.
    Subject,
    /// The further subject's at this position of the variant's `with`.
    With(usize),
    /// The shot's own.
    Shot,
}

/// A picture that is attached to a job.
#[derive(Debug, Clone)]
pub(super) struct Candidate<'c> {
    pub owner: Owner,
    pub reference: &'c Reference,
    /// Name in reports: the reference's own, or `alias.name`.
    pub shown: Arc<str>,
}

/// The subjects of a job by the names under which a prompt may call them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    /// Id of the job's own subject.
    pub own: Option<&'a str>,
    /// Alias and id of each further subject.
    pub with: &'a [(Arc<str>, Arc<str>)],
}

impl Names<'_> {
    /// The owner that `name` stands for: an alias, or a subject's id.
    fn owner(&self, name: &str) -> Option<Owner> {
        let by_alias = self.with.iter().position(|(alias, _)| **alias == *name);
        let by_id = || self.with.iter().position(|(_, id)| **id == *name);
        let own = || self.own.filter(|id| *id == name).map(|_| Owner::Subject);
        by_alias.map(Owner::With).or_else(own).or_else(|| by_id().map(Owner::With))
    }
}

/// Whether a reference is called `name`, itself or by its group.
fn is_called(reference: &Reference, name: &str) -> bool {
    *reference.name == *name || reference.group.as_deref() == Some(name)
}

/// Whether a shot's `use:` lets a reference in: by its name, its group, its subject's alias or id,
/// or `alias.name`.
pub(super) fn is_used(shot: &Shot, reference: &Reference, of: Option<(&str, &str)>) -> bool {
    let Some(uses) = &shot.uses else { return true };
    let named = |name: &str| is_called(reference, name);
    uses.iter().any(|(name, _)| match of {
        None => named(name),
        Some((alias, id)) => [alias, id].into_iter().any(|owner| {
            let rest = name.strip_prefix(owner);
            rest.is_some_and(|r| r.is_empty() || r.strip_prefix('.').is_some_and(named))
        }),
    })
}

/// The candidates that a mention means, as positions; none when it is unknown.
pub(super) fn meant_by(call: &Call<'_>, all: &[Candidate<'_>], names: Names<'_>) -> Vec<usize> {
    let found = by_name(call.name, all, names);
    match call.position {
        Some(n) if found.is_empty() && (1..=all.len()).contains(&n) => vec![n - 1],
        _ => found,
    }
}

/// The candidates that a name means: an own picture or group, a subject (then its first identity
/// picture, with its whole group), or a subject's picture (`mia.face`).
pub(super) fn by_name(name: &str, all: &[Candidate<'_>], names: Names<'_>) -> Vec<usize> {
    let of = |wanted: &dyn Fn(&Candidate<'_>) -> bool| -> Vec<usize> {
        all.iter().enumerate().filter(|(_, c)| wanted(c)).map(|(i, _)| i).collect()
    };
    // An exact name is one picture; a group's name is all of them.
    let called = |owner: Owner, name: &str| -> Vec<usize> {
        let exact = of(&|c| c.owner == owner && *c.reference.name == *name);
        if exact.is_empty() {
            of(&|c| c.owner == owner && is_called(c.reference, name))
        } else {
            exact
        }
    };
    for owner in [Owner::Subject, Owner::Shot] {
        let found = called(owner, name);
        if !found.is_empty() {
            return found;
        }
    }
    if let Some(owner) = names.owner(name) {
        let identity = |c: &&Candidate<'_>| c.owner == owner && c.reference.role == Role::Identity;
        let first = all.iter().find(identity).or_else(|| all.iter().find(|c| c.owner == owner));
        return match first.map(|c| c.reference) {
            None => Vec::new(),
            Some(Reference { group: Some(group), .. }) => called(owner, group),
            Some(Reference { name, .. }) => called(owner, name),
        };
    }
    // Ids may hold dots themselves, so every dot is tried as the border.
    for (dot, _) in name.match_indices('.') {
        if let Some(owner) = names.owner(&name[..dot]) {
            let found = called(owner, &name[dot + 1..]);
            if !found.is_empty() {
                return found;
            }
        }
    }
    Vec::new()
}

/// Every name by which the candidates can be called, for the nearest one.
pub(super) fn callable(all: &[Candidate<'_>], names: Names<'_>) -> Vec<String> {
    let mut callable: Vec<String> = Vec::new();
    for candidate in all {
        callable.push(candidate.shown.to_string());
        if let (Some(group), false) =
            (&candidate.reference.group, matches!(candidate.owner, Owner::With(_)))
        {
            callable.push(group.to_string());
        }
    }
    for (i, (alias, _)) in names.with.iter().enumerate() {
        if all.iter().any(|c| c.owner == Owner::With(i)) {
            callable.push(alias.to_string());
        }
    }
    callable.sort();
    callable.dedup();
    callable
}

/// How a job enters its model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Matched {
    pub route: Route,
    pub reason: RouteReason,
    /// Positions of the candidates that are sent, in order, with their role on this route.
    pub sent: Vec<(usize, Role)>,
}

/// Why no route fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mismatch {
    /// The model doesn't have the route that the pictures ask for.
    RouteMissing(Route, RouteReason),
    /// The route needs more pictures.
    TooFew { route: Route, needs: usize, has: usize },
    /// The prompt mentions more pictures than the route takes.
    TooMany { route: Route, takes: usize, mentioned: usize },
    /// `frames` needs a first and a last frame, and they can't be told.
    NoFrames,
}

/// Finds the route. `mentioned[i]` says whether the prompt mentions candidate `i`.
pub(super) fn find_route(
    card: &ModelCard,
    asked: Option<Route>,
    all: &[Candidate<'_>],
    mentioned: &[bool],
) -> Result<Matched, Mismatch> {
    let inputs = Inputs { card, all, mentioned };
    match asked {
        Some(route) => inputs.asked(route),
        None => inputs.automatic(),
    }
}

struct Inputs<'a> {
    card: &'a ModelCard,
    all: &'a [Candidate<'a>],
    mentioned: &'a [bool],
}

impl Inputs<'_> {
    fn has(&self, route: Route) -> bool {
        self.card.routes.contains_key(&route)
    }

    fn first_with(&self, role: Role) -> Option<usize> {
        self.all.iter().position(|c| c.reference.role == role)
    }

    fn one_mentioned(&self) -> Option<usize> {
        let mut mentioned = (0..self.all.len()).filter(|i| self.mentioned[*i]);
        mentioned.next().filter(|_| mentioned.next().is_none())
    }

    /// A last frame alone: no route takes one, so it is left out of all but what is asked for.
    fn is_lone_last(&self, candidate: usize) -> bool {
        self.all[candidate].reference.role == Role::LastFrame && !self.mentioned[candidate]
    }

    fn automatic(&self) -> Result<Matched, Mismatch> {
        let first = self.first_with(Role::FirstFrame);
        let mentions_others = self.all.iter().zip(self.mentioned).any(|(c, mentioned)| {
            *mentioned && !matches!(c.reference.role, Role::FirstFrame | Role::LastFrame)
        });
        let by_references = mentions_others && self.has(Route::References);
        if let (Some(first), Some(last), false) =
            (first, self.first_with(Role::LastFrame), by_references)
        {
            return self.frames(first, last, RouteReason::FirstAndLastFrame);
        }
        if let (Some(first), false) = (first, by_references) {
            return self.image(first, RouteReason::FirstFrame);
        }
        let useful: Vec<usize> = (0..self.all.len()).filter(|i| !self.is_lone_last(*i)).collect();
        let any_mentioned = self.mentioned.contains(&true);
        match useful[..] {
            [] => self.text(RouteReason::NoReference),
            [one] if !any_mentioned => {
                if self.has(Route::Image) || !self.has(Route::References) {
                    return self.image(one, RouteReason::OnePicture);
                }
                self.references(&useful, RouteReason::OnePicture)
            }
            _ if any_mentioned => {
                if let (Some(one), false, true) =
                    (self.one_mentioned(), self.has(Route::References), self.has(Route::Image))
                {
                    return self.image(one, RouteReason::MentionedAsFirstFrame);
                }
                self.references(&useful, RouteReason::Mentioned)
            }
            _ => self.references(&useful, RouteReason::SeveralPictures),
        }
    }

    fn asked(&self, route: Route) -> Result<Matched, Mismatch> {
        let reason = RouteReason::Asked;
        let count = self.all.len();
        match route {
            Route::Text => self.text(reason),
            Route::Image => {
                let identity = || self.first_with(Role::Identity);
                let first = self.first_with(Role::FirstFrame).or_else(|| self.one_mentioned());
                match first.or_else(identity).or((count > 0).then_some(0)) {
                    Some(one) => self.image(one, reason),
                    None => Err(Mismatch::TooFew { route, needs: 1, has: 0 }),
                }
            }
            Route::Frames => {
                let first = self.first_with(Role::FirstFrame);
                match (first, self.first_with(Role::LastFrame)) {
                    (Some(first), Some(last)) => self.frames(first, last, reason),
                    (None, None) if count == 2 => self.frames(0, 1, reason),
                    _ if count < 2 => Err(Mismatch::TooFew { route, needs: 2, has: count }),
                    _ => Err(Mismatch::NoFrames),
                }
            }
            Route::References => {
                let every: Vec<usize> = (0..count).collect();
                self.references(&every, reason)
            }
        }
    }

    fn matched(
        &self,
        route: Route,
        reason: RouteReason,
        sent: Vec<(usize, Role)>,
    ) -> Result<Matched, Mismatch> {
        if !self.has(route) {
            return Err(Mismatch::RouteMissing(route, reason));
        }
        Ok(Matched { route, reason, sent })
    }

    fn text(&self, reason: RouteReason) -> Result<Matched, Mismatch> {
        self.matched(Route::Text, reason, Vec::new())
    }

    fn image(&self, one: usize, reason: RouteReason) -> Result<Matched, Mismatch> {
        self.matched(Route::Image, reason, vec![(one, Role::FirstFrame)])
    }

    fn frames(&self, first: usize, last: usize, reason: RouteReason) -> Result<Matched, Mismatch> {
        let sent = vec![(first, Role::FirstFrame), (last, Role::LastFrame)];
        self.matched(Route::Frames, reason, sent)
    }

    /// All of `these`, or, where the route takes fewer, the mentioned ones and the first others.
    fn references(&self, these: &[usize], reason: RouteReason) -> Result<Matched, Mismatch> {
        let route = Route::References;
        let Some(ability) = self.card.routes.get(&route) else {
            return Err(Mismatch::RouteMissing(route, reason));
        };
        let has = these.len();
        let needs = ability.min.max(1);
        if has < needs {
            return Err(Mismatch::TooFew { route, needs, has });
        }
        let takes = if ability.max == 0 { usize::MAX } else { ability.max };
        let mentioned = these.iter().filter(|i| self.mentioned[**i]).count();
        if mentioned > takes {
            return Err(Mismatch::TooMany { route, takes, mentioned });
        }
        let mut others = takes - mentioned;
        let keep = |i: &&usize| {
            self.mentioned[**i] || {
                let room = others > 0;
                others = others.saturating_sub(1);
                room
            }
        };
        let sent = these.iter().filter(keep).map(|i| (*i, self.all[*i].reference.role)).collect();
        Ok(Matched { route, reason, sent })
    }
}
