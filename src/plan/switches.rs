//! Switches: what of a card's options a variant asks for.
//!
//! What lives here: names of options, checked against the card. What never does: on which route
//! an option can be had (together), what it costs, what requests say of it.

use super::settings::{AxisValue, list};
use crate::diagnostic::{Finding, Findings, Place, nearest};
use crate::manifest::Shot;
use crate::models::{AUTO_DURATION, ModelCard, Shelf};

/// The axis of a matrix whose values are options: `none`, a name, or names joined by `+`.
const AXIS: &str = "options";

/// On the axis, nothing is switched on.
const NONE: &str = "none";

/// The options of one variant, sorted, each once. Every one that the card lacks becomes an error;
/// `None` then.
pub(super) fn options(
    shot: &Shot,
    axes: &[AxisValue],
    card: &ModelCard,
    shelf: &Shelf,
    findings: &mut Findings,
) -> Option<Vec<String>> {
    let axis = axes.iter().find(|axis| &*axis.name == AXIS);
    let asked: Vec<(&str, Place)> = match axis {
        Some(axis) if axis.value.trim() == NONE => Vec::new(),
        Some(axis) => axis.value.split('+').map(|name| (name.trim(), axis.place)).collect(),
        None => shot.settings.options.iter().map(|o| (o.value.as_str(), o.place)).collect(),
    };
    let mut options = Vec::with_capacity(asked.len());
    let mut sound = true;
    for (name, place) in asked {
        if name == AUTO_DURATION {
            let finding =
                Finding::error("plan::option", format!("`{name}` is no option by itself"));
            findings.push(finding.at(place, "this").help("write `duration: auto`"));
            sound = false;
        } else if card.options.contains_key(name) {
            options.push(name.to_owned());
        } else {
            findings.push(lacking(name, card, shelf).at(place, "not offered by this model"));
            sound = false;
        }
    }
    options.sort_unstable();
    options.dedup();
    sound.then_some(options)
}

fn lacking(name: &str, card: &ModelCard, shelf: &Shelf) -> Finding {
    let own: Vec<&str> = names(card).collect();
    let have: Vec<&str> = shelf
        .iter()
        .filter(|other| other.options.contains_key(name))
        .map(|other| other.model.as_str())
        .collect();
    let everywhere = shelf.iter().flat_map(|other| names(other));
    let help = match (nearest(name, everywhere), own.as_slice()) {
        _ if !have.is_empty() => format!("models that have it: {}", list(&have)),
        (Some(meant), _) => format!("did you mean `{meant}`?"),
        (None, []) => "it has no options".to_owned(),
        (None, own) => format!("it has {}", list(own)),
    };
    let message = format!("`{}` has no option `{name}`", card.model);
    Finding::error("plan::option", message).help(help)
}

/// What can be switched on by name.
fn names(card: &ModelCard) -> impl Iterator<Item = &str> {
    card.options.keys().map(String::as_str).filter(|name| *name != AUTO_DURATION)
}
