//! How a plan's clips will be held against their references.
//!
//! What lives here: that of each part of a plan, by where the manifest says it. What never does: looking
//! at clips, money.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::guard::written_at;
use super::tally::Cells;
use crate::diagnostic::Place;
use crate::manifest::{Catalogue, ConsistencyRule};

/// Jobs of which the same is asked, in the same place of the manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Checked {
    /// How many a run would start.
    pub jobs: u64,
    /// What is asked of their clips.
    pub rule: ConsistencyRule,
    /// Where that is written: `file:line:column`; absent: nowhere, it is what is usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// What is asked of the clips of the jobs that a run would start: what is usual first, then in the
/// order of places.
pub(super) fn checked(cells: &Cells, catalogue: &Catalogue) -> Vec<Checked> {
    let mut found: BTreeMap<Option<Place>, Vec<Checked>> = BTreeMap::new();
    for ((shot, provider, route), sums) in
        cells.by(|cell| (cell.shot, cell.card.provider.as_str(), cell.route))
    {
        let consistency = &catalogue.shots[shot as usize].settings.consistency;
        let Some(rule) = consistency.of(provider, route) else { continue };
        let same = found.entry(consistency.place).or_default();
        // What the defaults say may come to something else in a shot that says more.
        match same.iter_mut().find(|checked| checked.rule == **rule) {
            Some(checked) => checked.jobs += sums.jobs,
            None => same.push(Checked {
                jobs: sums.jobs,
                rule: ConsistencyRule::clone(rule),
                at: consistency.place.map(|place| written_at(place, &catalogue.sources)),
            }),
        }
    }
    found.into_values().flatten().collect()
}
