//! Which models a catalogue may use, before any job is planned.

use std::collections::BTreeSet;

use super::access::{Access, Reach};
use super::choose::is_meant;
use crate::manifest::{Catalogue, Settings, Shot};
use crate::models::{BUILT_IN, Shelf};

/// Names of the models that a catalogue's shots name; where one says `auto`, every model that its
/// wishes let in and whose provider can be used.
pub fn models_used(catalogue: &Catalogue, shelf: &Shelf, access: &Access) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for shot in &catalogue.shots {
        for name in named(shot) {
            if Settings::is_auto(&name) {
                used.extend(let_in(shot, shelf, access));
            } else if shelf.get(&name).is_some() {
                used.insert(name);
            }
        }
    }
    used
}

/// The names that a shot says: those of its axis, else its own.
fn named(shot: &Shot) -> Vec<String> {
    match shot.axes.iter().find(|axis| &*axis.name == "model") {
        Some(axis) => axis.values.iter().map(|(name, _)| name.to_string()).collect(),
        None => {
            let name = shot.settings.model.as_ref().map(|model| model.value.clone());
            vec![name.unwrap_or_else(|| BUILT_IN.to_owned())]
        }
    }
}

fn let_in(shot: &Shot, shelf: &Shelf, access: &Access) -> Vec<String> {
    let choose = shot.settings.choose.as_ref().map(|c| c.value.clone()).unwrap_or_default();
    let can_be_used =
        shelf.iter().filter(|card| matches!(access.reach(&card.provider), Reach::Ready));
    let meant = can_be_used.filter(|card| is_meant(card, &choose, access));
    meant.map(|card| card.model.clone()).collect()
}
