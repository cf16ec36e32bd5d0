//! Quotes: what a provider says that a model costs, before it becomes a price.
//!
//! What lives here: rates in the words that all providers share, and what becomes of them. What
//! never does: how a provider writes them, sockets, files.

mod proposal;

use rust_decimal::Decimal;

use super::card::{Durations, ModelCard, Route};
use crate::money::Unit;

pub use proposal::{Example, Proposal, Verdict};

/// What a provider says that one model costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Quote {
    /// What all rates are counted in.
    pub unit: Unit,
    /// What each clip is charged.
    pub rates: Vec<Rate>,
    /// The least that one clip costs.
    pub minimum: Option<Decimal>,
    /// Whether that is the whole price list. If not, each rate is one figure that stands for a list
    /// whose lines nobody told.
    pub whole: bool,
    /// What of the list is not understood, in words; it may be a charge.
    pub unread: Vec<String>,
}

/// One rate.
#[derive(Debug, Clone, PartialEq)]
pub struct Rate {
    /// What is counted.
    pub per: RatePer,
    /// For one of those.
    pub amount: Decimal,
    /// Only by these routes; empty: by all.
    pub routes: Vec<Route>,
    /// Only at this resolution, by its name on the model card.
    pub resolution: Option<String>,
    /// Only with sound, or only without.
    pub audio: Option<bool>,
}

/// What a rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RatePer {
    /// Seconds of clip.
    Second,
    /// Clips.
    Clip,
    /// Tokens of video: width times height times seconds times 24, divided by 1024.
    Token,
    /// Pictures that are sent.
    Picture,
}

impl RatePer {
    /// As people read it: `a second`.
    pub fn words(self) -> &'static str {
        match self {
            RatePer::Second => "a second",
            RatePer::Clip => "a clip",
            RatePer::Token => "a token",
            RatePer::Picture => "a picture",
        }
    }
}

/// What a provider says that a model can do, where it says so beside the price.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Abilities {
    /// Seconds that it makes; empty: not said.
    pub durations: Vec<Decimal>,
    /// Resolutions by name, in lower case; empty: not said.
    pub resolutions: Vec<String>,
    /// Aspects as written; empty: not said.
    pub aspects: Vec<String>,
    /// Whether it takes a first frame and a last frame; absent: not said.
    pub frames: Option<(bool, bool)>,
    /// Whether a seed can be given; absent: not said.
    pub seed: Option<bool>,
}

impl Abilities {
    /// Where the card promises what the provider does not say, or lacks what it says, in words.
    pub fn differences(&self, card: &ModelCard) -> Vec<String> {
        let mut said = Vec::new();
        self.durations_differ(card, &mut said);
        if !self.resolutions.is_empty() {
            let ours: Vec<String> = card.resolutions.keys().map(|r| r.to_lowercase()).collect();
            differ("resolution", &ours, &self.resolutions, &mut said);
        }
        if !self.aspects.is_empty() && !card.aspects.is_empty() {
            let ours: Vec<String> = card.aspects.iter().map(ToString::to_string).collect();
            differ("aspect", &ours, &self.aspects, &mut said);
        }
        if let Some((first, last)) = self.frames {
            for (route, has) in [(Route::Image, first), (Route::Frames, first && last)] {
                match (card.routes.contains_key(&route), has) {
                    (true, false) => said.push(format!(
                        "the card has the route `{route}`, the provider's list does not"
                    )),
                    (false, true) => said.push(format!(
                        "the provider's list has the route `{route}`, the card does not"
                    )),
                    _ => {}
                }
            }
        }
        match (card.seed, self.seed) {
            (true, Some(false)) => {
                said.push("the card gives a seed, the provider's list does not take one".to_owned())
            }
            (false, Some(true)) => {
                said.push("the provider takes a seed, the card gives none".to_owned())
            }
            _ => {}
        }
        said
    }

    fn durations_differ(&self, card: &ModelCard, said: &mut Vec<String>) {
        if self.durations.is_empty() {
            return;
        }
        let refused: Vec<String> = self
            .durations
            .iter()
            .filter(|seconds| !card.durations.allows(**seconds))
            .map(|seconds| format!("{} s", seconds.normalize()))
            .collect();
        if !refused.is_empty() {
            let list = refused.join(", ");
            said.push(format!("the provider makes {list}, which the card does not allow"));
        }
        let least = self.durations.iter().min().copied().unwrap_or_default();
        let most = self.durations.iter().max().copied().unwrap_or_default();
        let missing: Vec<String> = match &card.durations {
            Durations::Values(values) => values.clone(),
            // Only the ends: a list need not have every length between two.
            Durations::Range { .. } => {
                let ends = [card.durations.shortest(), card.durations.longest()];
                ends.into_iter().flatten().filter(|end| *end < least || *end > most).collect()
            }
        }
        .into_iter()
        .filter(|seconds| !self.durations.contains(seconds))
        .map(|seconds| format!("{} s", seconds.normalize()))
        .collect();
        if !missing.is_empty() {
            let list = missing.join(", ");
            said.push(format!("the card allows {list}, which the provider does not list"));
        }
    }
}

/// Says which words only one of two lists has.
fn differ(what: &str, ours: &[String], theirs: &[String], said: &mut Vec<String>) {
    let lacks = |of: &[String], all: &[String]| -> Vec<String> {
        of.iter().filter(|one| !all.contains(one)).cloned().collect()
    };
    let (only_ours, only_theirs) = (lacks(ours, theirs), lacks(theirs, ours));
    let many = |n: usize| if n == 1 { "" } else { "s" };
    if !only_ours.is_empty() {
        let list = only_ours.join(", ");
        let s = many(only_ours.len());
        said.push(format!("the provider does not list the {what}{s} {list} of the card"));
    }
    if !only_theirs.is_empty() {
        let list = only_theirs.join(", ");
        let s = many(only_theirs.len());
        said.push(format!("the provider lists the {what}{s} {list}, which the card lacks"));
    }
}
