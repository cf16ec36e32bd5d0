//! What is said about a choice: why this model, what came second, why the others are not it.

use std::collections::BTreeMap;

use super::{Auto, Candidate, Out, Tried, Why};
use crate::diagnostic::{Finding, Place};
use crate::manifest::{Budget, Shot};
use crate::models::ModelCard;
use crate::plan::settings::list;
use crate::plan::summary::{Choice, FellOut, Offer};
use crate::plan::variants::Variant;

/// How many different reasons an error lists.
const REASONS: usize = 8;

/// How many models one reason names.
const MODELS: usize = 4;

/// What trying gave for one variant.
pub(super) struct Found<'a> {
    pub auto: &'a Auto,
    /// Cheapest first.
    pub able: &'a [(Candidate, Tried)],
    pub out: &'a [Out],
    /// Candidates that were not tried: the least that they cost is more.
    pub dearer: u64,
}

/// The choice, as the summary has it; none where there was no job to choose for.
pub(super) fn choice(
    shot: &Shot,
    variant: &Variant,
    found: &Found<'_>,
    budget: &Budget,
) -> Option<Choice> {
    let mut offers = found.able.iter().map(|(candidate, tried)| Offer {
        model: candidate.card.model.clone(),
        least: tried.least.unwrap_or_default().normalize().to_string(),
        most: tried.most.normalize().to_string(),
        sum: tried.cost.normalize().to_string(),
    });
    let chosen = offers.next()?;
    let out = |out: &Out| FellOut { model: out.model.clone(), why: out.why.to_string() };
    Some(Choice {
        shot: shot.id.to_string(),
        variant: variant.text.as_deref().map(str::to_owned),
        unit: budget.unit.to_string(),
        chosen,
        second: offers.next(),
        candidates: found.auto.candidates.len() as u64,
        dearer: found.dearer + offers.count() as u64,
        fell_out: found.out.iter().map(out).collect(),
    })
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Why::Wish(text) => f.write_str(text),
            Why::Jobs { failed, of, first, why } if of == failed => {
                write!(f, "{why} (`{first}`)")
            }
            Why::Jobs { failed, of, first, why } => {
                write!(f, "can't make {failed} of {of} jobs: {why} (`{first}`)")
            }
            Why::Key(wanted) => write!(f, "needs a key: set {wanted}"),
        }
    }
}

/// No model can make all of a variant's jobs.
pub(in crate::plan) fn none_fits(
    shot: &Shot,
    variant: Option<&str>,
    (place, out): (Place, &[Out]),
    nearest: Option<(&ModelCard, &Tried)>,
) -> Finding {
    let of = variant.map_or_else(String::new, |text| format!(" ({text})"));
    let mut message = format!("no model can make the shot `{}`{of}", shot.id);
    if let Some((card, tried)) = nearest.filter(|(_, tried)| tried.made > 0) {
        let (made, all) = (tried.made, tried.made + tried.failed);
        let first = tried.first.as_ref().map_or("", |(who, _)| who);
        message = format!(
            "no model can make all jobs of the shot `{}`{of}: `{}` comes nearest with {made} of \
             {all}, but fails for `{first}`",
            shot.id, card.model
        );
    }
    let finding = Finding::error("plan::no_model_fits", message).at(place, "for this shot");
    finding.help(reasons(out))
}

/// Why each model is not it; those with one reason together, missing keys last.
fn reasons(out: &[Out]) -> String {
    let mut by_reason: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut keys: BTreeMap<&str, usize> = BTreeMap::new();
    for Out { model, why } in out {
        match why {
            Why::Key(wanted) => *keys.entry(wanted).or_default() += 1,
            why => by_reason.entry(why.to_string()).or_default().push(model),
        }
    }
    let mut all: Vec<(String, Vec<&str>)> = by_reason.into_iter().collect();
    all.sort_by(|a, b| a.1.cmp(&b.1));
    let more = all.len().saturating_sub(REASONS);
    let mut said: Vec<String> = all.iter().take(REASONS).map(reason).collect();
    if more > 0 {
        said.push(format!("{more} more reasons"));
    }
    let lack: usize = keys.values().sum();
    if lack > 0 {
        let (models, lack_) = if lack == 1 { ("model", "lacks") } else { ("models", "lack") };
        let any = keys.keys().copied().collect::<Vec<_>>().join(", or ");
        said.push(format!("{lack} {models} {lack_} a key: set {any}"));
    }
    if said.is_empty() {
        return "the names in `choose:` leave no model; `kinora models` lists them".to_owned();
    }
    said.join("; ")
}

fn reason((why, models): &(String, Vec<&str>)) -> String {
    let more = models.len().saturating_sub(MODELS);
    let named: Vec<String> = models.iter().take(MODELS).map(|m| format!("`{m}`")).collect();
    match more {
        0 => format!("{}: {why}", list(&named)),
        n => format!("{} and {n} more: {why}", named.join(", ")),
    }
}
