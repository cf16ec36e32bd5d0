//! What planning says about a job: errors that need a subject to be seen, and advice.
//!
//! What lives here: the wording, the place and the conditions of each. What never does: counting
//! (that is notes), and anything that changes a job.

mod inputs;
mod people;

pub(super) use inputs::on_inputs;
pub(super) use people::on_people;

use super::estimate::Estimate;
use super::expand::{Step, Worker};
use super::matching::{Candidate, Matched, Mismatch, Names, callable};
use super::mention::{Call, Piece, pieces};
use super::notes::Concerned;
use super::planner::place_in;
use super::price_ends;
use super::settings::list;
use crate::diagnostic::{Finding, Place, nearest};
use crate::limits::Limits;
use crate::manifest::Template;
use crate::models::Route;
use crate::template::{Ordered, TemplateError, TemplateErrorKind};

/// A template or condition that can't be filled in for a subject.
pub(crate) fn template_error(
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
            // Where the card says what the provider's credits are worth, a rate of that will do.
            let worth = card.price.as_ref().and_then(|price| price.worth.as_ref());
            let unit = worth.map_or(&amount.unit, |worth| &worth.unit);
            let help = format!(
                "say what one {unit} is worth in {own}: `budget: {{rates: {{{unit}: …}}}}`",
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
            let ended = price_ends::ended(card)
                .map_or_else(String::new, |day| format!("its last price list ended on {day}; "));
            let help = format!(
                "{ended}write its price into `prices.yaml`, with its date and source, or ask the \
                 provider with `kinora prices refresh`, where it can be asked; unpriced jobs can't \
                 be approved"
            );
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
