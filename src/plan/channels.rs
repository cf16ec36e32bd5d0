//! Channels: what a variant's channel sets where its shot says nothing, and what it forbids.
//!
//! What lives here: contradictions between a channel and what is written, what channel and model
//! both allow, advice; the choice among that is in `fit`. What never does: profiles themselves,
//! clips that are made already, savings by crops.

mod fit;
mod reach;

pub(super) use fit::{Basics, fit};
pub(super) use reach::{Own, Reach};

use std::sync::Arc;

use rust_decimal::Decimal;

use super::planner::ShotPlan;
use super::settings::{AxisValue, USUAL_SECONDS, Wanted, distance, list};
use super::variants::Said;
use crate::channel::{Channel, Channels, NO_CHANNEL};
use crate::diagnostic::{Finding, Findings, Place};
use crate::manifest::{Catalogue, Inherited, Shot};
use crate::models::{AspectRatio, Durations, ModelCard, Shelf};

/// How many models a help names.
const MODELS: usize = 6;

/// The axis of a matrix whose values are channels.
pub(super) const AXIS: &str = "channel";

/// What a variant's channel asks of its settings.
#[derive(Debug, Clone)]
pub(super) struct Demand {
    /// The channel.
    pub channel: Arc<Channel>,
    /// Where it is named.
    pub place: Place,
    /// Settings of the manifest's defaults that don't hold for it.
    pub overruled: Inherited,
    /// Whether a resolution of the manifest's defaults may be overruled.
    own: bool,
    /// Which routes the jobs may go by.
    reach: Reach,
}

/// The channel of one variant, where it is named, and whether the shot itself names it.
fn named<'a>(shot: &'a Shot, axes: &'a [AxisValue]) -> Option<(&'a str, Place, bool)> {
    let axis = axes.iter().find(|axis| &*axis.name == AXIS);
    let written = || shot.settings.channel.as_ref().map(|c| (c.value.as_str(), c.place));
    let own = axis.is_some() || !shot.settings.inherited.channel;
    let (name, place) = axis.map(|axis| (axis.value.trim(), axis.place)).or_else(written)?;
    (name != NO_CHANNEL).then_some((name, place, own))
}

/// What one variant's channel asks. What is written and contradicts it becomes an error with the
/// nearest possible, on `card` where the model is known; `Err` then.
pub(super) fn demand(
    shot: &Shot,
    axes: &[AxisValue],
    channels: &Channels,
    card: Option<&ModelCard>,
    reach: impl FnOnce() -> Reach,
    findings: &mut Findings,
) -> Result<Option<Demand>, ()> {
    let Some((name, place, own)) = named(shot, axes) else { return Ok(None) };
    let Some(channel) = channels.get(name) else {
        let message = format!("no channel is named `{name}`");
        findings.push(Finding::error("plan::unknown_channel", message).at(place, "this channel"));
        return Err(());
    };
    let overruled = Inherited::default();
    let mut demand = Demand { channel: channel.clone(), place, overruled, own, reach: reach() };
    let wanted = Wanted { shot, axes, demand: None };
    let inherited = shot.settings.inherited;
    let mut sound = true;
    let mut against = |inherits: bool, finding: Option<Finding>| {
        let overruled = finding.is_some() && inherits && own;
        if let Some(finding) = finding.filter(|_| !overruled) {
            findings.push(finding.also(place, "this channel"));
            sound = false;
        }
        overruled
    };
    let from_defaults = |axis: &str, inherits: bool| inherits && wanted.axis(axis).is_none();
    let aspect = demand.aspect_against(&wanted, card);
    let aspect = against(from_defaults("aspect", inherited.aspect), aspect);
    let length = demand.length_against(&wanted, card);
    let duration = against(from_defaults("duration", inherited.duration), length);
    let fps = demand.fps_against(&wanted);
    let fps = against(from_defaults("fps", inherited.fps), fps);
    demand.overruled = Inherited { aspect, duration, fps, ..Inherited::default() };
    sound.then_some(Some(demand)).ok_or(())
}

impl Demand {
    fn aspect_against(&self, wanted: &Wanted<'_>, card: Option<&ModelCard>) -> Option<Finding> {
        let channel = &self.channel;
        let (text, place) = wanted.written_aspect()?;
        // What is no aspect is said where settings are read.
        let aspect = AspectRatio::parse(text)?;
        if channel.takes_aspect(aspect) {
            return None;
        }
        let makes = card.map_or_else(
            || channel.frames.iter().map(|frame| frame.aspect).collect(),
            |card| self.aspects(card),
        );
        let message =
            format!("the channel `{}` takes {}, not {aspect}", channel.channel, channel.aspects());
        let finding =
            Finding::error("plan::channel_aspect", message).at(place, "contradicts the channel");
        let near = makes.into_iter().min_by_key(|made| distance(*made, aspect));
        Some(finding.help(nearest_or_leave(near, "aspect")))
    }

    fn length_against(&self, wanted: &Wanted<'_>, card: Option<&ModelCard>) -> Option<Finding> {
        let channel = &self.channel;
        let (seconds, place) = wanted.written_seconds()?;
        if channel.takes_length(seconds) {
            return None;
        }
        let bounds = channel.length.clone().unwrap_or_default();
        let message = format!(
            "the channel `{}` takes {bounds}, not {} s",
            channel.channel,
            seconds.normalize()
        );
        let finding =
            Finding::error("plan::channel_length", message).at(place, "contradicts the channel");
        let bound = match (bounds.min, bounds.max) {
            (Some(min), _) if seconds < min => Some(min),
            (_, max) => max,
        };
        let near = match card {
            None => bound,
            Some(card) => within(&card.durations, seconds, (bounds.min, bounds.max)),
        };
        let near = near.map(|seconds| format!("{} s", seconds.normalize()));
        Some(finding.help(nearest_or_leave(near, "duration")))
    }

    fn fps_against(&self, wanted: &Wanted<'_>) -> Option<Finding> {
        let channel = &self.channel;
        let (fps, place) = wanted.written_fps()?;
        let rates = channel.fps.filter(|_| !channel.takes_fps(fps))?;
        let message = format!(
            "the channel `{}` takes {} to {} frames a second, not {fps}",
            channel.channel, rates.min, rates.max
        );
        let finding =
            Finding::error("plan::channel_fps", message).at(place, "contradicts the channel");
        let near = fps.clamp(rates.min, rates.max);
        Some(finding.help(nearest_or_leave(Some(near), "fps")))
    }

    /// The shapes that channel and model both know, those that suit the channel best first.
    fn aspects(&self, card: &ModelCard) -> Vec<AspectRatio> {
        let frames = self.channel.frames.iter().map(|frame| frame.aspect);
        if card.aspects.is_empty() {
            return frames.collect();
        }
        // As the card spells it: that is the word its provider knows.
        let made = |wanted: AspectRatio| card.aspects.iter().find(|made| **made == wanted).copied();
        let mut both: Vec<AspectRatio> = frames.filter_map(made).collect();
        if self.channel.any_aspect {
            let others = card.aspects.iter().filter(|made| self.channel.frame(**made).is_none());
            both.extend(others);
        }
        both
    }

    /// The resolutions at which a shape has as many pixels as the channel takes: first the
    /// smallest that reaches what suits it best, then the others.
    fn resolutions(&self, card: &ModelCard, aspect: AspectRatio) -> Vec<String> {
        let best = self.channel.frame(aspect).and_then(|frame| frame.best);
        let usual = card.usual_resolution();
        let area = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
        let mut sizes: Vec<(&String, (u32, u32))> = card
            .resolutions
            .iter()
            .map(|(name, resolution)| (name, resolution.size(aspect)))
            .filter(|(_, size)| self.channel.takes_size(aspect, *size))
            .collect();
        sizes.sort_by_key(|(name, size)| match best {
            None => (usual != Some(name.as_str()), area(*size)),
            Some(best) if best.reached_by(*size) => (false, area(*size)),
            Some(_) => (true, u64::MAX - area(*size)),
        });
        sizes.into_iter().map(|(name, _)| name.clone()).collect()
    }

    /// The lengths that channel and model both allow, the one that is nearest to the usual and
    /// to what the channel advises first.
    fn lengths(&self, card: &ModelCard) -> Vec<Decimal> {
        let bounds = self.channel.length_bounds();
        let advised = self.channel.advised().unwrap_or_default();
        let clamp = |seconds: Decimal, (min, max): (Option<Decimal>, Option<Decimal>)| {
            let seconds = min.map_or(seconds, |min| seconds.max(min));
            max.map_or(seconds, |max| seconds.min(max))
        };
        let usual = clamp(clamp(USUAL_SECONDS, (advised.min, advised.max)), bounds);
        let Durations::Values(values) = &card.durations else {
            return within(&card.durations, usual, bounds).into_iter().collect();
        };
        let mut values: Vec<Decimal> =
            values.iter().copied().filter(|v| self.channel.takes_length(*v)).collect();
        values.sort_by_key(|value| (!advised.allows(*value), (*value - usual).abs()));
        values
    }

    /// Whether a model makes any clip that the channel takes.
    fn served_by(&self, card: &ModelCard) -> bool {
        let sized = |aspect: &AspectRatio| !self.resolutions(card, *aspect).is_empty();
        !self.lengths(card).is_empty() && self.aspects(card).iter().any(sized)
    }

    /// What may be chosen instead of a model that can't serve the channel.
    fn others(&self, shelf: &Shelf) -> String {
        let can: Vec<String> = shelf
            .iter()
            .filter(|card| self.served_by(card))
            .map(|card| format!("`{}`", card.model))
            .collect();
        match can.len() {
            0 => "no model on the shelf can".to_owned(),
            n if n <= MODELS => format!("models that can: {}", list(&can)),
            n => format!("models that can: {} and {} more", can[..MODELS].join(", "), n - MODELS),
        }
    }

    fn not_served(&self, code: &'static str, card: &ModelCard, what: &str) -> Finding {
        let message = format!("`{}` makes no clip for `{}` {what}", card.model, self.name());
        Finding::error(code, message).at(self.place, "not served by this model")
    }

    fn name(&self) -> &str {
        &self.channel.channel
    }

    /// The frame rate of a clip for which none is written; outer `None`: a problem.
    pub(super) fn fps(&self, card: &ModelCard, findings: &mut Findings) -> Option<Option<u32>> {
        let Some(rates) = self.channel.fps else { return Some(card.usual_fps()) };
        if card.fps.is_empty() {
            return Some(None);
        }
        let usual = card.usual_fps().unwrap_or(rates.min);
        let taken = card.fps.iter().copied().filter(|fps| self.channel.takes_fps(*fps));
        let found = taken.min_by_key(|fps| fps.abs_diff(usual));
        if found.is_none() {
            let what = format!(
                "at {} to {} frames a second; it makes {}",
                rates.min,
                rates.max,
                list(&card.fps)
            );
            findings.push(self.not_served("plan::channel_fps", card, &what));
        }
        found.map(Some)
    }
}

fn nearest_or_leave(near: Option<impl std::fmt::Display>, key: &str) -> String {
    match near {
        Some(near) => {
            format!("the nearest possible is {near}; without `{key}` the channel sets it")
        }
        None => format!("without `{key}` the channel sets it"),
    }
}

/// The length nearest to `wanted` that can be made and lies within bounds.
fn within(
    durations: &Durations,
    wanted: Decimal,
    (min, max): (Option<Decimal>, Option<Decimal>),
) -> Option<Decimal> {
    let inside = |seconds: &Decimal| {
        min.is_none_or(|min| *seconds >= min) && max.is_none_or(|max| *seconds <= max)
    };
    match durations {
        Durations::Values(values) => {
            let inside = values.iter().copied().filter(inside);
            inside.min_by_key(|value| (*value - wanted).abs())
        }
        Durations::Range { step, .. } => {
            let lifted = min.map_or(wanted, |min| wanted.max(min));
            let near = durations.nearest(max.map_or(lifted, |max| lifted.min(max)))?;
            // The nearest step may just miss a bound; the one beside it does not.
            let beside = [near, near + step, near - step];
            beside.into_iter().find(|seconds| inside(seconds) && durations.allows(*seconds))
        }
    }
}

/// What channels advise and shots don't do.
pub(super) fn advise(
    catalogue: &Catalogue,
    plans: &[ShotPlan],
    said: &mut Said,
    findings: &mut Findings,
) {
    for (shot, plan) in catalogue.shots.iter().zip(plans) {
        for variant in &plan.variants {
            let Some(channel) = &variant.channel else { continue };
            let seconds = variant.settings.duration;
            let Some(advised) = channel.advised().filter(|advised| !advised.allows(seconds)) else {
                continue;
            };
            let message = format!(
                "the channel `{}` advises {advised}, and a clip of `{}` is {} s",
                channel.channel,
                shot.id,
                seconds.normalize()
            );
            let settings = &shot.settings;
            let place = settings.duration.as_ref().map(|duration| duration.place);
            let place = place.or_else(|| settings.channel.as_ref().map(|channel| channel.place));
            let finding = Finding::advice("plan::channel_advised", message)
                .at(place.unwrap_or(shot.place), "this length");
            let mut found = Findings::default();
            found.push(finding);
            said.pass_on(found, findings);
        }
    }
}
