//! What planning says about a job: errors that need a subject to be seen, and advice.
//!
//! What lives here: the wording, the place and the conditions of each. What never does: counting
//! (that is notes), and anything that changes a job.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::estimate::Estimate;
use super::expand::{Step, Worker};
use super::job::RouteReason;
use super::matching::{Candidate, Matched, Mismatch, Names, Owner, callable};
use super::mention::{Call, Piece, pieces};
use super::notes::{Concerned, Saving};
use super::planner::place_in;
use super::settings::list;
use crate::diagnostic::{Finding, Place, nearest};
use crate::limits::Limits;
use crate::manifest::{Role, Template};
use crate::media::{Facts, PictureProblem};
use crate::models::{Mention, Route, RouteAbility};
use crate::template::{Ordered, TemplateError, TemplateErrorKind};

/// A template or condition that can't be filled in for a subject.
pub(super) fn template_error(
    template: &Template,
    error: &TemplateError,
    code: &'static str,
) -> Finding {
    let name = error.range.clone().and_then(|range| template.source.get(range));
    let (message, label) = match (error.kind, name) {
        (TemplateErrorKind::Undefined, Some(name)) => {
            (format!("`{name}` is not there"), "no such value")
        }
        (TemplateErrorKind::Undefined, None) => {
            ("a value that the template names is not there".to_owned(), "in here")
        }
        (TemplateErrorKind::UnknownFilter, _) => (error.message.clone(), "no such filter or test"),
        _ => (format!("this can't be filled in: {}", error.message), "here"),
    };
    let help = match error.kind {
        TemplateErrorKind::Undefined => {
            "an attribute that may be missing is written `{{ name | default(\"\") }}`".to_owned()
        }
        TemplateErrorKind::OutOfFuel => Limits::how_to_raise("template_fuel"),
        TemplateErrorKind::UnknownFilter => {
            error.help.clone().unwrap_or_else(|| "see the manifest's reference".to_owned())
        }
        _ => "every subject must give a text here".to_owned(),
    };
    Finding::error(code, message).at(place_in(template, error.range.clone()), label).help(help)
}

/// A condition that orders a number and something that is none.
pub(super) fn not_comparable(
    worker: &mut Worker<'_, '_>,
    condition: &Template,
    ordered: &Ordered,
    who: Concerned<'_>,
) {
    const CODE: &str = "plan::not_comparable";
    let name = &ordered.name;
    let finding = || {
        let (message, help) = if ordered.with_number {
            (
                format!("`{name}` is compared with a number, but is none; left out"),
                format!("fill the cells, or ask first: `{name} is number and …`"),
            )
        } else {
            (
                format!("`{name}` is compared with text, but is none; left out"),
                "numbers are compared without quotes; `type: text` makes a column text".to_owned(),
            )
        };
        let place = place_in(condition, Some(ordered.range.clone()));
        Finding::warning(CODE, message).at(place, "not comparable for some").help(help)
    };
    worker.chunk.notes.add(worker.plan.shot, CODE, name, who, finding);
}

/// A path that no clip can be written to.
pub(super) fn out_path(template: &Template, path: &str, problem: &str) -> Finding {
    let message = format!("no clip can go to `{path}`: {problem}");
    Finding::error("plan::out_path", message).at(template.place, "gives this path")
}

/// A mention that means no picture.
pub(super) fn unknown_mention(
    worker: &mut Worker<'_, '_>,
    step: &Step<'_>,
    call: &Call<'_>,
    candidates: &[Candidate<'_>],
    names: Names<'_>,
) {
    const CODE: &str = "plan::unknown_mention";
    let template = &worker.shot.prompt;
    let left_out = || {
        let shot_own = worker.shot.references.iter();
        let own = step.subject.map(|at| {
            &worker.catalogue.sets[at.set as usize].subjects[at.subject as usize].references
        });
        let own = own.into_iter().flatten().chain(shot_own);
        let with = step.details.with.iter().any(|(alias, _)| {
            call.name.strip_prefix(&**alias).is_some_and(|r| r.is_empty() || r.starts_with('.'))
        });
        let called = own
            .map(|r| (&r.name, &r.group))
            .any(|(name, group)| **name == *call.name || group.as_deref() == Some(call.name));
        worker.shot.uses.is_some() && (called || with)
    };
    let finding = || {
        let known = callable(candidates, names);
        let near = nearest(call.name, known.iter().map(String::as_str));
        let help = match near {
            Some(near) => format!("did you mean `@{near}`?"),
            None if left_out() => "`use:` leaves it out of this shot".to_owned(),
            None if known.is_empty() => "no picture is attached; `@@` is a plain `@`".to_owned(),
            None => {
                let known: Vec<String> = known.iter().map(|name| format!("`@{name}`")).collect();
                format!("what can be mentioned: {}; `@@` is a plain `@`", list(&known))
            }
        };
        let (place, label) = match find_call(template, call) {
            Some(range) => (place_in(template, Some(range)), "no picture of this name"),
            None => (template.place, "the filled-in prompt mentions it"),
        };
        let message = format!("`{}` mentions no picture that is attached", call.source);
        Finding::error(CODE, message).at(place, label).help(help)
    };
    worker.chunk.notes.add(worker.plan.shot, CODE, call.source, step.concerned(), finding);
}

/// Where a mention stands literally in the template.
fn find_call(template: &Template, wanted: &Call<'_>) -> Option<std::ops::Range<usize>> {
    let mut at = 0;
    for piece in pieces(&template.source) {
        let length = match piece {
            Piece::Text(text) => text.len(),
            Piece::Escape => 2,
            Piece::Call(call) if call.source == wanted.source => {
                return Some(at..at + call.source.len());
            }
            Piece::Call(call) => call.source.len(),
        };
        at += length;
    }
    None
}

/// Where a job's model is named.
pub(super) fn model_place(worker: &Worker<'_, '_>, step: &Step<'_>) -> Place {
    let axis = worker.shot.axes.iter().find(|axis| &*axis.name == "model");
    let name = &step.details.card.model;
    let value = axis.and_then(|axis| axis.values.iter().find(|(value, _)| **value == **name));
    let written = worker.shot.settings.model.as_ref().map(|model| model.place);
    value.map(|(_, place)| *place).or(written).unwrap_or(worker.shot.place)
}

/// No route fits.
pub(super) fn mismatch(worker: &mut Worker<'_, '_>, step: &Step<'_>, mismatch: Mismatch) {
    let card = &step.details.card;
    let model = &card.model;
    let (code, message, help) = match mismatch {
        Mismatch::RouteMissing(route, reason) => {
            let having = worker.planner.by_route.get(&route).map_or(&[][..], Vec::as_slice);
            let mut help = format!("models that have it: {}", list(having));
            if route == Route::References && card.routes.contains_key(&Route::Image) {
                help.push_str("; or let one picture in with `use:`");
            }
            let message = format!("`{model}` has no route `{route}`, but {}", reason.as_str());
            ("plan::route_missing", message, help)
        }
        Mismatch::TooFew { route, needs, has } => {
            let message =
                format!("the route `{route}` of `{model}` needs {needs} pictures; {has} attached");
            (
                "plan::too_few_pictures",
                message,
                "attach more, or let Kinora choose the route".into(),
            )
        }
        Mismatch::TooMany { route, takes, mentioned } => {
            let message = format!(
                "the prompt mentions {mentioned} pictures; \
                 the route `{route}` of `{model}` takes at most {takes}"
            );
            ("plan::too_many_pictures", message, "mention fewer pictures".into())
        }
        Mismatch::NoFrames => {
            let message = "which picture is the first frame and which the last is not said";
            let help = "give them `role: first_frame` and `role: last_frame`";
            ("plan::frames_unclear", message.into(), help.into())
        }
    };
    let asked = worker.shot.route.map(|(_, place)| place);
    let place = asked.unwrap_or_else(|| model_place(worker, step));
    let label = if asked.is_some() { "this route" } else { "for this model" };
    let shot = worker.plan.shot;
    let finding = Finding::error(code, message.clone()).at(place, label).help(help);
    worker.chunk.notes.add(shot, code, &message, step.concerned(), || finding);
}

/// Whether the prompt may be sent as it is; says so if not.
pub(super) fn prompt_fits(
    worker: &mut Worker<'_, '_>,
    step: &Step<'_>,
    prompt: &str,
    negative: Option<&str>,
) -> bool {
    let card = &step.details.card;
    let place = worker.shot.prompt.place;
    let limit = worker.catalogue.limits.prompt_bytes;
    let longest = prompt.len().max(negative.map_or(0, str::len));
    let (code, message, help) = if prompt.is_empty() {
        ("plan::empty_prompt", "the prompt is empty".to_owned(), "say what happens".to_owned())
    } else if longest as u64 > limit {
        let message = format!("the prompt is above {limit} bytes");
        ("plan::prompt_bytes", message, Limits::how_to_raise("prompt_bytes"))
    } else if let Some(most) = card.prompt_max_chars
        && longest > most
        && (prompt.chars().count() > most || negative.is_some_and(|n| n.chars().count() > most))
    {
        let message = format!("`{}` takes prompts of at most {most} characters", card.model);
        ("plan::prompt_too_long", message, "shorten the prompt, or take another model".to_owned())
    } else {
        return true;
    };
    let finding =
        || Finding::error(code, message).at(place, "filled in for this subject").help(help);
    worker.chunk.notes.add(worker.plan.shot, code, &card.model, step.concerned(), finding);
    false
}

/// Whether every picture can be read and is one that the route takes; says so if not.
pub(super) fn pictures_fit(
    worker: &mut Worker<'_, '_>,
    step: &Step<'_>,
    candidates: &[Candidate<'_>],
    matched: &Matched,
) -> bool {
    let card = &step.details.card;
    let ability = card.routes.get(&matched.route);
    let mut fit = true;
    for (i, _) in &matched.sent {
        let reference = candidates[*i].reference;
        let picture = worker.catalogue.pictures.get(reference.picture);
        let (code, message, help) = match &picture.facts {
            Some(Ok(facts)) => {
                let Some((message, help)) = ability.and_then(|a| beyond(a, facts)) else {
                    continue;
                };
                ("plan::picture_limit", format!("`{}` {message}", card.model), help)
            }
            Some(Err(problem)) => {
                let help = match problem {
                    PictureProblem::TooLarge { limit, .. } => Limits::how_to_raise(limit),
                    _ => "replace the file".to_owned(),
                };
                ("plan::picture", problem.to_string(), help)
            }
            None => {
                let message = "it has not been probed".to_owned();
                ("plan::picture", message, "probe the pictures before planning".to_owned())
            }
        };
        fit = false;
        let key = format!("{}{message}", picture.path);
        let finding = || {
            let message = format!("`{}` can't be used: {message}", picture.path);
            Finding::error(code, message).at(reference.place, "this picture").help(help)
        };
        worker.chunk.notes.add(worker.plan.shot, code, &key, step.concerned(), finding);
    }
    fit
}

/// The first limit of a route that a picture breaks, and what to do.
fn beyond(ability: &RouteAbility, facts: &Facts) -> Option<(String, String)> {
    let format = facts.format.as_str();
    if !ability.formats.is_empty() && !ability.formats.iter().any(|f| f == format) {
        let takes = format!("takes {} only (`formats`), this is {format}", list(&ability.formats));
        return Some((takes, "save it in one of those formats".to_owned()));
    }
    let (short, long) = (facts.width.min(facts.height), facts.width.max(facts.height));
    let size = format!("this is {}x{}", facts.width, facts.height);
    let help = || "scale the picture".to_owned();
    if let Some(least) = ability.min_side.filter(|least| short < *least) {
        return Some((
            format!("takes sides of at least {least} pixels (`min_side`), {size}"),
            help(),
        ));
    }
    if let Some(most) = ability.max_side.filter(|most| long > *most) {
        return Some((
            format!("takes sides of at most {most} pixels (`max_side`), {size}"),
            help(),
        ));
    }
    let most = ability.max_bytes.filter(|most| facts.bytes > *most)?;
    let message = format!("takes at most {most} bytes (`max_bytes`), this has {}", facts.bytes);
    Some((message, "compress the picture".to_owned()))
}

/// Unpriced jobs, units without a rate, and jobs above `per_job`.
pub(super) fn on_cost(
    worker: &mut Worker<'_, '_>,
    step: &Step<'_>,
    matched: &Matched,
    estimate: &Estimate,
) {
    let budget = &worker.catalogue.budget;
    let card = &step.details.card;
    let shot = worker.plan.shot;
    if let Some(amount) = &estimate.without_rate {
        let place = model_place(worker, step);
        let finding = || {
            let message = format!("`{}` is paid in {}, which has no rate", card.model, amount.unit);
            let help = format!(
                "say what one {unit} is worth in {own}: `budget: {{rates: {{{unit}: …}}}}`",
                unit = amount.unit,
                own = budget.unit
            );
            let label = format!("{amount} a job; unpriced until there is a rate");
            Finding::warning("plan::no_rate", message).at(place, label).help(help)
        };
        let key = amount.unit.as_str();
        worker.chunk.notes.add(shot, "plan::no_rate", key, step.concerned(), finding);
        return;
    }
    let Some(amount) = estimate.price.known() else {
        let place = model_place(worker, step);
        let resolution = &step.details.settings.resolution;
        let key = format!("{}{resolution}{}", card.model, matched.route);
        let finding = || {
            let message = format!(
                "the price of `{}` is not known for {resolution} by the route `{}`",
                card.model, matched.route
            );
            let help = "add the price to the model's card, with its date and source; \
                        unpriced jobs can't be approved";
            Finding::warning("plan::unpriced", message).at(place, "unpriced").help(help)
        };
        worker.chunk.notes.add(shot, "plan::unpriced", &key, step.concerned(), finding);
        return;
    };
    if let Some(limit) = budget.per_job.as_ref().filter(|limit| amount.value > limit.amount) {
        let key = format!("{}{amount}", card.model);
        let finding = || {
            let message = format!(
                "a job of shot `{}` on `{}` costs {amount}, above the budget of {} a job",
                worker.shot.id, card.model, limit.amount
            );
            Finding::error("plan::per_job", message)
                .at(limit.place, "`per_job`")
                .help("choose a cheaper model, resolution or duration, or raise `per_job`")
        };
        worker.chunk.notes.add(shot, "plan::per_job", &key, step.concerned(), finding);
    }
}

/// Advice about what is attached and mentioned. `price_of` tells what the job would cost by
/// another route with another number of pictures.
pub(super) fn on_inputs<'c>(
    worker: &mut Worker<'c, '_>,
    step: &Step<'c>,
    candidates: &[Candidate<'c>],
    mentioned: &[bool],
    matched: &Matched,
    mut price_of: impl FnMut(&Worker<'c, '_>, Route, usize) -> Arc<Estimate>,
) {
    let ability = step.details.card.routes.get(&matched.route);
    let syntax = ability.and_then(|a| a.mention.as_ref());
    identity_at_risk(worker, step, candidates, matched);
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

/// A subject whose identity a clip must keep, without any picture of it.
fn identity_at_risk(
    worker: &mut Worker<'_, '_>,
    step: &Step<'_>,
    candidates: &[Candidate<'_>],
    matched: &Matched,
) {
    const CODE: &str = "plan::identity_at_risk";
    let own = step.subject.map(|at| (Owner::Subject, "subject", at));
    let with = step.details.with.iter().enumerate();
    let with = with.map(|(i, (alias, at))| (Owner::With(i), &**alias, *at));
    for (owner, name, at) in own.into_iter().chain(with) {
        let set = &worker.catalogue.sets[at.set as usize];
        let shown = |(i, _): &(usize, Role)| candidates[*i].owner == owner;
        if !set.kind.has_identity() || matched.sent.iter().any(shown) {
            continue;
        }
        let place = worker.shot.place;
        let finding = || {
            let kind = set.kind.as_str();
            let message = format!("no picture of the {kind} is sent: it will look like any other");
            let help = match candidates.iter().any(|c| c.owner == owner) {
                true => format!("the route `{}` leaves out what is attached", matched.route),
                false => format!("attach a reference to the {kind}, or use a shot without it"),
            };
            Finding::advice(CODE, message).at(place, "identity at risk").help(help)
        };
        worker.chunk.notes.add(worker.plan.shot, CODE, name, step.concerned(), finding);
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
