//! One line of a price list: what it counts, and when it applies.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PriceFacts;
use crate::models::card::Route;

/// Pixels of one token of video: `width × height × seconds × fps / 1024`, as ByteDance counts.
const PIXELS_PER_TOKEN: Decimal = Decimal::from_parts(1024, 0, 0, false, 0);

/// One line of a price list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    /// What it is counted by.
    pub per: ChargePer,
    /// Amount for one of those, in the price's unit.
    #[serde(deserialize_with = "crate::yaml::decimal")]
    #[schemars(with = "crate::yaml::Exact")]
    pub amount: Decimal,
    /// The amount is for so many of them, for instance 1000000 tokens: 1 if not given, else a
    /// power of ten.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub each: u32,
    /// Frames a second by which tokens are counted; absent: the job's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fps: Option<u32>,
    /// How long computing a clip is expected to take, of a charge per `compute_second`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute: Option<Compute>,
    /// Only for these routes; empty: all.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// Only for these resolutions, by name; empty: all.
    #[serde(default)]
    pub resolutions: Vec<String>,
    /// Only for clips of these lengths, in seconds; empty: all.
    #[serde(default, deserialize_with = "crate::yaml::decimals")]
    #[schemars(with = "crate::yaml::Decimals")]
    pub seconds: Vec<Decimal>,
    /// Only where all of these options are on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Only where none of these options is on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
    /// How many of what it is counted by are free.
    #[serde(default)]
    pub free: u32,
    /// A surcharge: it comes on top of other charges with the same `per`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub on_top: bool,
}

/// What a charge is counted by.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ChargePer {
    /// Each second of clip.
    Second,
    /// Each clip.
    Clip,
    /// Each picture sent.
    Image,
    /// Each token of video: width × height × seconds × frames a second / 1024.
    Token,
    /// Each second of video sent along.
    InputSecond,
    /// Each second of computing, as long as `compute` says.
    ComputeSecond,
}

impl ChargePer {
    /// Every one, in the order of their discriminants.
    pub const ALL: [ChargePer; 6] = [
        ChargePer::Second,
        ChargePer::Clip,
        ChargePer::Image,
        ChargePer::Token,
        ChargePer::InputSecond,
        ChargePer::ComputeSecond,
    ];

    /// Whether it says what a clip itself costs; what is sent along does not.
    pub fn is_for_the_clip(self) -> bool {
        !matches!(self, ChargePer::Image | ChargePer::InputSecond)
    }
}

/// How long computing a clip is expected to take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compute {
    /// Seconds of computing for each second of clip.
    #[serde(default, deserialize_with = "crate::yaml::optional_decimal")]
    #[schemars(with = "Option<crate::yaml::Exact>")]
    pub per_second: Option<Decimal>,
    /// Seconds of computing for each clip, whatever its length.
    #[serde(default, deserialize_with = "crate::yaml::optional_decimal")]
    #[schemars(with = "Option<crate::yaml::Exact>")]
    pub per_clip: Option<Decimal>,
}

/// What the sum of the charges is multiplied by, where it applies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Multiplier {
    /// The factor, for instance 2 or 0.5.
    #[serde(deserialize_with = "crate::yaml::decimal")]
    #[schemars(with = "crate::yaml::Exact")]
    pub times: Decimal,
    /// Only for these routes; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    /// Only for these resolutions, by name; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolutions: Vec<String>,
    /// Only where all of these options are on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Only where none of these options is on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
}

fn one() -> u32 {
    1
}

fn is_one(n: &u32) -> bool {
    *n == 1
}

fn is_false(b: &bool) -> bool {
    !b
}

/// What charges and multipliers ask for alike.
struct When<'a> {
    routes: &'a [Route],
    resolutions: &'a [String],
    options: &'a [String],
    without: &'a [String],
}

impl When<'_> {
    fn holds(&self, facts: &PriceFacts<'_>) -> bool {
        (self.routes.is_empty() || self.routes.contains(&facts.route))
            && (self.resolutions.is_empty()
                || self.resolutions.iter().any(|r| r == facts.resolution))
            && self.options.iter().all(|option| facts.options.contains(option))
            && !self.without.iter().any(|option| facts.options.contains(option))
    }
}

impl Multiplier {
    pub(super) fn applies(&self, facts: &PriceFacts<'_>) -> bool {
        When {
            routes: &self.routes,
            resolutions: &self.resolutions,
            options: &self.options,
            without: &self.without,
        }
        .holds(facts)
    }
}

impl Charge {
    pub(super) fn applies(&self, facts: &PriceFacts<'_>) -> bool {
        let when = When {
            routes: &self.routes,
            resolutions: &self.resolutions,
            options: &self.options,
            without: &self.without,
        };
        (self.seconds.is_empty() || self.seconds.contains(&facts.seconds)) && when.holds(facts)
    }

    /// `None` where what it counts is not known, or is beyond what decimals hold.
    pub(super) fn amount_for(&self, facts: &PriceFacts<'_>) -> Option<Decimal> {
        let counted = match self.per {
            ChargePer::Second => facts.seconds,
            ChargePer::Clip => Decimal::ONE,
            ChargePer::Image => Decimal::from(facts.images),
            ChargePer::Token => self.tokens(facts)?,
            ChargePer::InputSecond => facts.input_seconds,
            ChargePer::ComputeSecond => self.compute.as_ref()?.seconds(facts.seconds)?,
        };
        let counted = (counted - Decimal::from(self.free)).max(Decimal::ZERO);
        let amount = self.amount.checked_mul(counted)?;
        if self.each == 1 { Some(amount) } else { amount.checked_div(Decimal::from(self.each)) }
    }

    fn tokens(&self, facts: &PriceFacts<'_>) -> Option<Decimal> {
        let fps = self.fps.or(facts.fps)?;
        let pixels = u64::from(facts.width) * u64::from(facts.height);
        let pixels = Decimal::from(pixels).checked_mul(Decimal::from(fps))?;
        Some(pixels.checked_mul(facts.seconds)? / PIXELS_PER_TOKEN)
    }
}

impl Compute {
    fn seconds(&self, of_clip: Decimal) -> Option<Decimal> {
        let by_length = self.per_second.unwrap_or_default().checked_mul(of_clip)?;
        by_length.checked_add(self.per_clip.unwrap_or_default())
    }
}
