//! `consistency:`: what is asked of a clip beside its references, and what becomes of one that
//! falls short.
//!
//! What lives here: the mapping, checked and merged with the defaults key by key, and what it means.
//! What never does: looking at clips, money.

mod merge;
mod written;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use written::RawConsistency;

use super::catalogue::Role;
use crate::diagnostic::Place;
use crate::models::{BUILT_IN, Route};

/// The score from which a clip passes, where the manifest doesn't say.
pub const MIN: u8 = 80;
/// How far below that one fails, where the manifest doesn't say.
pub const REVIEWED: u8 = 20;
/// The most retakes of one job that a manifest may ask for.
pub const MOST_RETAKES: u32 = 3;

/// From which score a clip passes, and below which it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "ScoreBounds")]
pub struct Bounds {
    /// From this score on it passes, 0 to 100.
    pub min: u8,
    /// Below this score it fails; between the two, a person is to look. Never above `min`.
    pub fail_below: u8,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { min: MIN, fail_below: MIN - REVIEWED }
    }
}

/// What becomes of a clip that fails.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum OnFail {
    /// It is said, and nothing else.
    #[default]
    Flag,
    /// No shop's file has it until a person accepts it.
    Hold,
    /// It is made again under the same approval, with another seed, as often as the plan reserved.
    Retake,
}

/// What is asked of one job's clip.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct ConsistencyRule {
    /// For references of any role.
    pub bounds: Bounds,
    /// For those of a role, where they differ.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<Role, Bounds>,
    /// What becomes of a clip that fails.
    pub on_fail: OnFail,
    /// How often it is made again at most; 0 unless `on_fail` is [`OnFail::Retake`].
    #[serde(default)]
    pub max_retakes: u32,
    /// Whether an installed ffmpeg may decode what the program can't.
    #[serde(default)]
    pub ffmpeg: bool,
}

impl OnFail {
    /// As manifests and reports write it.
    pub fn as_str(self) -> &'static str {
        match self {
            OnFail::Flag => "flag",
            OnFail::Hold => "hold",
            OnFail::Retake => "retake",
        }
    }
}

impl ConsistencyRule {
    /// What is asked of a reference of this role.
    pub fn bounds_of(&self, role: Role) -> Bounds {
        self.roles.get(&role).copied().unwrap_or(self.bounds)
    }
}

/// What a shot says of how its clips are held against their references.
#[derive(Debug, Clone, PartialEq)]
pub struct Consistency {
    /// What is asked; absent: nothing, its clips are not looked at.
    pub rule: Option<Arc<ConsistencyRule>>,
    /// Where that is written; absent: nowhere, so that it is what is usual.
    pub place: Option<Place>,
}

impl Default for Consistency {
    fn default() -> Self {
        Consistency { rule: Some(Arc::default()), place: None }
    }
}

impl Consistency {
    /// What is asked of a clip that this provider makes by this route. Without a picture there is
    /// nothing to hold it against. The built-in stand-in costs nothing and moves the picture itself, so
    /// its clips are looked at only where somebody writes so.
    pub fn of(&self, provider: &str, route: Route) -> Option<&Arc<ConsistencyRule>> {
        let looked_at = self.place.is_some() || provider != BUILT_IN;
        self.rule.as_ref().filter(|_| looked_at && route != Route::Text)
    }
}
