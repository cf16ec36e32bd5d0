//! Settings together: whether a model makes by a route what it makes by others.
//!
//! What lives here: the complaint about a combination. What never does: settings one by one.

use super::advise::model_place;
use super::expand::{Step, Worker};
use crate::diagnostic::Finding;
use crate::models::Route;

/// Whether the model makes such a clip by this route; says so if not.
pub(super) fn settings_fit(worker: &mut Worker<'_, '_>, step: &Step<'_>, route: Route) -> bool {
    const CODE: &str = "plan::not_together";
    let (card, settings) = (&step.details.card, &step.details.settings);
    let found = card.not_together(route, &settings.resolution, settings.duration, &settings.aspect);
    let found =
        found.or_else(|| card.option_not_here(route, &settings.resolution, &settings.options));
    let Some(against) = found else { return true };
    let place = model_place(worker, step);
    let message = format!("`{}` makes no {}", card.model, against.what);
    let finding = || {
        let help = format!("there it makes {}", against.instead);
        Finding::error(CODE, message.clone()).at(place, "for this model").help(help)
    };
    worker.chunk.notes.add(worker.plan.shot, CODE, &message, step.concerned(), finding);
    false
}
