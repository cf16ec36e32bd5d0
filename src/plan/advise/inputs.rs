//! Advice about pictures and mentions: what is sent for nothing, what is left out, what can't be
//! told to the model.

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::diagnostic::Finding;
use crate::models::{Mention, Route};
use crate::plan::estimate::Estimate;
use crate::plan::expand::{Step, Worker};
use crate::plan::job::RouteReason;
use crate::plan::matching::{Candidate, Matched, Owner};
use crate::plan::notes::Saving;
use crate::plan::settings::list;

/// Advice about what is attached and mentioned. `price_of` tells what the job would cost by
/// another route with another number of pictures.
pub(in crate::plan) fn on_inputs<'c>(
    worker: &mut Worker<'c, '_>,
    step: &Step<'c>,
    candidates: &[Candidate<'c>],
    mentioned: &[bool],
    matched: &Matched,
    mut price_of: impl FnMut(&Worker<'c, '_>, Route, usize) -> Arc<Estimate>,
) {
    let ability = step.details.card.routes.get(&matched.route);
    let syntax = ability.and_then(|a| a.mention.as_ref());
    unhonoured_mentions(worker, step, candidates, mentioned, matched, syntax);
    let is_sent = |i: usize| matched.sent.iter().any(|(sent, _)| *sent == i);
    let idle = idle(mentioned, matched);
    if !idle.is_empty() {
        let saves = saving(worker, step, mentioned, matched, idle.len(), &mut price_of);
        // A route that can't be told which picture is meant looks at all of them, so that
        // dropping one is only advice where it saves something.
        if syntax.is_some() || saves.is_some_and(|saves| saves > Decimal::ZERO) {
            let unused = Unused { which: &idle, saves, why: Idle::NeverMentioned };
            unused.say(worker, step, candidates);
        }
    }
    let dropped = |i: &usize| !is_sent(*i) && !mentioned[*i];
    let dropped: Vec<usize> = (0..candidates.len()).filter(dropped).collect();
    if !dropped.is_empty() {
        let why = match (matched.route, ability.map_or(0, |a| a.max)) {
            (Route::References, takes) if takes > 0 => Idle::NoRoom { takes },
            (route, _) => Idle::NoEffect(route),
        };
        let unused = Unused { which: &dropped, saves: Some(Decimal::ZERO), why };
        unused.say(worker, step, candidates);
    }
}

/// The pictures that the route `references` sends without a mention. Where the prompt mentions
/// none at all, the first one is what the clip is of.
fn idle(mentioned: &[bool], matched: &Matched) -> Vec<usize> {
    if matched.route != Route::References {
        return Vec::new();
    }
    let silent = matched.sent.iter().map(|(i, _)| *i).filter(|i| !mentioned[*i]);
    silent.skip(usize::from(!mentioned.contains(&true))).collect()
}

/// What a job saves without `idle` of its pictures; `None` where its price is not known.
fn saving<'c>(
    worker: &Worker<'c, '_>,
    step: &Step<'c>,
    mentioned: &[bool],
    matched: &Matched,
    idle: usize,
    price_of: &mut impl FnMut(&Worker<'c, '_>, Route, usize) -> Arc<Estimate>,
) -> Option<Decimal> {
    let (route, left) = (matched.route, matched.sent.len() - idle);
    // One picture alone that is not mentioned would go by another route.
    let by_image = left == 1
        && !mentioned.contains(&true)
        && matched.reason != RouteReason::Asked
        && step.details.card.routes.contains_key(&Route::Image);
    let now = price_of(worker, route, matched.sent.len());
    let then = price_of(worker, if by_image { Route::Image } else { route }, left);
    let saves = now.price.known()?.value - then.price.known()?.value;
    Some(saves.max(Decimal::ZERO))
}

/// Why a picture is of no use to a job.
#[derive(Clone, Copy)]
enum Idle {
    NeverMentioned,
    NoEffect(Route),
    NoRoom { takes: usize },
}

/// Pictures that are of no use to a job.
struct Unused<'a> {
    which: &'a [usize],
    /// What the job saves without them, where that is known.
    saves: Option<Decimal>,
    why: Idle,
}

impl Unused<'_> {
    fn say(&self, worker: &mut Worker<'_, '_>, step: &Step<'_>, candidates: &[Candidate<'_>]) {
        const CODE: &str = "plan::unused_reference";
        let names = self.names(step, candidates);
        let key = names.join(", ");
        let place = self.which.first().map(|i| candidates[*i].reference.place);
        let (are, have, them) =
            if names.len() > 1 { ("are", "have", "them") } else { ("is", "has", "it") };
        let finding = || {
            let names = list(&names);
            let (mut message, otherwise) = match self.why {
                Idle::NeverMentioned => (
                    format!("{names} {are} sent, but the prompt never mentions {them}"),
                    format!("mention {them} in the prompt"),
                ),
                Idle::NoEffect(route) => (
                    format!("{names} {are} attached, but {have} no effect on the route `{route}`"),
                    "give the shot another route".to_owned(),
                ),
                Idle::NoRoom { takes } => (
                    format!(
                        "{names} {are} attached, but not sent: `{}` takes at most {takes} pictures",
                        step.details.card.model
                    ),
                    "mention those that matter most".to_owned(),
                ),
            };
            match self.saves {
                None => message.push_str(&format!(
                    "; what dropping {them} saves is not known, for the job is unpriced"
                )),
                Some(saves) if saves.is_zero() => {
                    message.push_str(&format!("; dropping {them} saves nothing"));
                }
                // The sum over all jobs follows.
                Some(_) => {}
            }
            let help = format!("{otherwise}, or leave {them} out of this shot with `use:`");
            let finding = Finding::advice(CODE, message).help(help);
            match place {
                Some(place) => finding
                    .at(worker.shot.prompt.place, "not used by this prompt")
                    .also(place, "attached here"),
                None => finding,
            }
        };
        let saving = Saving { each: self.saves.unwrap_or_default(), them };
        worker.chunk.notes.add_saving(
            worker.plan.shot,
            CODE,
            &key,
            step.concerned(),
            saving,
            finding,
        );
    }

    /// Each once, in backticks; the pictures of a glob are one reference to the person who
    /// wrote it.
    fn names(&self, step: &Step<'_>, candidates: &[Candidate<'_>]) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for candidate in self.which.iter().map(|i| &candidates[*i]) {
            let reference = candidate.reference;
            let name: &str = reference.group.as_ref().unwrap_or(&reference.name);
            let shown = match candidate.owner {
                Owner::With(position) => format!("`{}.{name}`", step.details.with[position].0),
                _ => format!("`{name}`"),
            };
            if names.last() != Some(&shown) {
                names.push(shown);
            }
        }
        names
    }
}

/// Mentions that the model can't be told as such.
fn unhonoured_mentions(
    worker: &mut Worker<'_, '_>,
    step: &Step<'_>,
    candidates: &[Candidate<'_>],
    mentioned: &[bool],
    matched: &Matched,
    syntax: Option<&Mention>,
) {
    const CODE: &str = "plan::mention_not_honoured";
    if !mentioned.contains(&true) {
        return;
    }
    let card = &step.details.card;
    let is_sent = |i: usize| matched.sent.iter().any(|(sent, _)| *sent == i);
    let lost = (0..candidates.len()).find(|i| mentioned[*i] && !is_sent(*i));
    let (key, message) = match lost {
        Some(i) => {
            let name = &candidates[i].shown;
            let route = matched.route;
            let message = format!(
                "`@{name}` is mentioned, but the route `{route}` of `{}` doesn't send it",
                card.model
            );
            (&**name, message)
        }
        None if matched.reason == RouteReason::MentionedAsFirstFrame => {
            let message = format!(
                "`{}` can't call a picture by name: it is taken as the first frame",
                card.model
            );
            ("first frame", message)
        }
        None if syntax.is_none() && matched.route == Route::References => {
            let message = format!(
                "`{}` can't call a picture by name: mentions are sent as plain words",
                card.model
            );
            ("plain words", message)
        }
        None => return,
    };
    let place = worker.shot.prompt.place;
    let help = "take a model whose card has a mention syntax, or write the prompt without mentions";
    let finding = || Finding::advice(CODE, message).at(place, "mentions a picture").help(help);
    worker.chunk.notes.add(worker.plan.shot, CODE, key, step.concerned(), finding);
}
