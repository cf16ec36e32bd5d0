//! Settings: what a variant of a shot asks of its model, checked against the card.
//!
//! What lives here: choosing the model, duration, size and frame rate, and every complaint about
//! them at its place. What never does: routes, prices, prompts.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::channels::{self, Basics, Demand};
use super::job::JobSettings;
use super::pictures::Framing;
use super::switches;
use crate::diagnostic::{Finding, Findings, Place, nearest};
use crate::manifest::{AUTO, Inherited, Length, Settings, Shot};
use crate::media::prepare::Fit;
use crate::models::{AUTO_DURATION, AspectRatio, ModelCard, Resolution, Shelf};

/// The model of a shot that names none.
pub const DEFAULT_MODEL: &str = crate::models::BUILT_IN;

/// Seconds of a clip, where neither manifest nor card decides.
pub const USUAL_SECONDS: Decimal = Decimal::from_parts(5, 0, 0, false, 0);

/// An axis' value in one variant.
#[derive(Debug, Clone)]
pub(super) struct AxisValue {
    pub name: Arc<str>,
    pub value: Arc<str>,
    pub place: Place,
}

/// The model that a variant names: a card, or the cheapest that can.
pub(super) enum Named {
    /// This one.
    Card(Arc<ModelCard>),
    /// `auto`, written here.
    Auto(Place),
}

/// The model of one variant; a name that is none becomes an error.
pub(super) fn model(
    shot: &Shot,
    axes: &[AxisValue],
    shelf: &Shelf,
    findings: &mut Findings,
) -> Option<Named> {
    Wanted { shot, axes, demand: None }.model(shelf, findings)
}

/// Resolves the settings of one variant on a model. Every problem becomes an error; `None` then.
pub(super) fn resolve(
    wanted: Wanted<'_>,
    card: &ModelCard,
    shelf: &Shelf,
    findings: &mut Findings,
) -> Option<(JobSettings, Framing)> {
    let fit = match wanted.demand {
        Some(demand) => channels::fit(&wanted, demand, card, shelf, findings),
        None => wanted.by_itself(card, shelf, findings),
    };
    let options = switches::options(wanted.shot, wanted.axes, card, shelf, findings);
    let fps = wanted.fps(card, findings);
    let framing = framing(&wanted, card, findings);
    let (Basics { aspect, resolution, length }, fps) = (fit?, fps?);
    let mut options = options?;
    let duration = match length {
        Length::Seconds(seconds) => seconds,
        Length::Auto => {
            options.push(AUTO_DURATION.to_owned());
            options.sort_unstable();
            // The longest is what may be billed.
            card.durations.longest()?
        }
    };
    let (width, height) = card.resolutions.get(&resolution)?.size(aspect);
    wanted.side(card, (width, height), aspect, findings)?;
    let aspect = aspect.to_string();
    let settings =
        JobSettings { duration, aspect, resolution, width, height, fps, seed: None, options };
    Some((settings, framing?))
}

/// What is written of one variant's settings, and what its channel asks.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub shot: &'a Shot,
    pub axes: &'a [AxisValue],
    pub demand: Option<&'a Demand>,
}

impl<'a> Wanted<'a> {
    /// An axis' value.
    pub fn axis(&self, name: &str) -> Option<(&'a str, Place)> {
        self.axes.iter().find(|a| &*a.name == name).map(|a| (&*a.value, a.place))
    }

    /// Whether the channel overrules what the manifest's defaults say of something.
    fn overruled(&self, which: fn(Inherited) -> bool) -> bool {
        self.demand.is_some_and(|demand| which(demand.overruled))
    }

    /// The aspect that is written, unless the channel overrules it.
    pub fn written_aspect(&self) -> Option<(&'a str, Place)> {
        let written = self.shot.settings.aspect.as_ref().map(|a| (a.value.as_str(), a.place));
        self.axis("aspect").or(written.filter(|_| !self.overruled(|o| o.aspect)))
    }

    /// The resolution that is written.
    pub fn written_resolution(&self) -> Option<(&'a str, Place)> {
        let written = self.shot.settings.resolution.as_ref().map(|r| (r.value.as_str(), r.place));
        self.axis("resolution").or(written)
    }

    /// The seconds that are written, where they are a number.
    pub fn written_seconds(&self) -> Option<(Decimal, Place)> {
        match self.axis("duration") {
            Some((text, place)) => Some((Decimal::from_str_exact(text.trim()).ok()?, place)),
            None => self.shot.settings.duration.as_ref().map(|d| (d.value, d.place)),
        }
    }

    /// Whether anything is written of the length that the channel does not overrule.
    pub fn has_length(&self) -> bool {
        let settings = &self.shot.settings;
        self.axis("duration").is_some()
            || settings.auto_duration.is_some()
            || settings.duration.is_some() && !self.overruled(|o| o.duration)
    }

    /// The frame rate that is written, where it is a number.
    pub fn written_fps(&self) -> Option<(u32, Place)> {
        match self.axis("fps") {
            Some((text, place)) => Some((text.trim().parse().ok()?, place)),
            None => self.shot.settings.fps.as_ref().map(|fps| (fps.value, fps.place)),
        }
    }

    /// Shape, resolution and length where there is no channel.
    fn by_itself(
        &self,
        card: &ModelCard,
        shelf: &Shelf,
        findings: &mut Findings,
    ) -> Option<Basics> {
        let length = self.duration(card, shelf, findings);
        let aspect = self.aspect(card, findings);
        let resolution = self.resolution(card, findings);
        Some(Basics { aspect: aspect?, resolution: resolution?, length: length? })
    }

    fn model(&self, shelf: &Shelf, findings: &mut Findings) -> Option<Named> {
        let written = self.shot.settings.model.as_ref().map(|m| (m.value.as_str(), m.place));
        let (name, place) =
            self.axis("model").or(written).unwrap_or((DEFAULT_MODEL, self.shot.place));
        if let Some(card) = shelf.get(name) {
            return Some(Named::Card(card.clone()));
        }
        if Settings::is_auto(name) {
            return Some(Named::Auto(place));
        }
        let names: Vec<&str> = shelf.iter().map(|c| c.model.as_str()).collect();
        let help = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("models that can be used: {}", list(&names)),
        };
        let finding = Finding::error("plan::unknown_model", format!("no model is named `{name}`"));
        findings.push(finding.at(place, "this model").help(help));
        None
    }

    /// The length that is written, or the usual; a problem becomes an error.
    pub fn duration(
        &self,
        card: &ModelCard,
        shelf: &Shelf,
        findings: &mut Findings,
    ) -> Option<Length> {
        let settings = &self.shot.settings;
        let written = settings.duration.as_ref();
        let (seconds, place) = match (self.axis("duration"), written) {
            (Some((AUTO, place)), _) => return auto_length(card, shelf, place, findings),
            (Some((text, place)), _) => match Decimal::from_str_exact(text.trim()) {
                Ok(seconds) => (seconds, place),
                Err(_) => {
                    findings.push(no_such("duration", text, "a number of seconds", place));
                    return None;
                }
            },
            (None, Some(placed)) => (placed.value, placed.place),
            (None, None) => match settings.auto_duration {
                Some(place) => return auto_length(card, shelf, place, findings),
                None => return card.durations.nearest(USUAL_SECONDS).map(Length::Seconds),
            },
        };
        if card.durations.allows(seconds) && seconds > Decimal::ZERO {
            return Some(Length::Seconds(seconds));
        }
        let help = match card.durations.nearest(seconds) {
            Some(near) => format!("the nearest that it makes is {} s", near.normalize()),
            None => "its card lists no duration".to_owned(),
        };
        let what = format!("{} s long; it makes {}", seconds.normalize(), card.durations);
        findings.push(not_offered("plan::duration", card, &what, place).help(help));
        None
    }

    /// The aspect that is written, or the model's usual; a problem becomes an error.
    pub fn aspect(&self, card: &ModelCard, findings: &mut Findings) -> Option<AspectRatio> {
        let Some((text, place)) = self.written_aspect() else {
            return Some(card.aspects.first().copied().unwrap_or(AspectRatio::USUAL));
        };
        let Some(aspect) = AspectRatio::parse(text) else {
            findings.push(no_such("aspect", text, "width to height, such as 9:16", place));
            return None;
        };
        if card.aspects.is_empty() {
            return Some(aspect);
        }
        // As the card spells it: that is the word its provider knows.
        if let Some(offered) = card.aspects.iter().find(|a| **a == aspect) {
            return Some(*offered);
        }
        let help = match card.aspects.iter().min_by_key(|a| distance(**a, aspect)) {
            Some(near) => format!("the nearest that it makes is {near}"),
            None => String::new(),
        };
        let offered: Vec<String> = card.aspects.iter().map(ToString::to_string).collect();
        let what = format!("with the aspect {aspect}; it makes {}", list(&offered));
        findings.push(not_offered("plan::aspect", card, &what, place).help(help));
        None
    }

    /// Whether a clip of this size can be made at all: an aspect of 10000:1 is no clip, and no
    /// memory is to be asked for it.
    fn side(
        &self,
        card: &ModelCard,
        (width, height): (u32, u32),
        aspect: AspectRatio,
        findings: &mut Findings,
    ) -> Option<()> {
        let most = card.longest_side.unwrap_or(Resolution::MOST_SIDE);
        if width.max(height) <= most {
            return Some(());
        }
        let place = self.written_aspect().map(|(_, place)| place);
        let what = format!(
            "of {width}×{height} pixels ({aspect}); its longest side is {most} pixels at most"
        );
        let finding = not_offered("plan::size", card, &what, place.unwrap_or(self.shot.place));
        findings.push(finding.help("choose an aspect nearer to 1:1, or a lower resolution"));
        None
    }

    /// The resolution that is written, or the model's usual; a problem becomes an error.
    pub fn resolution(&self, card: &ModelCard, findings: &mut Findings) -> Option<String> {
        let Some((name, place)) = self.written_resolution() else {
            let found = card.usual_resolution().map(str::to_owned);
            if found.is_none() {
                let what = "at any resolution: its card lists none";
                findings.push(not_offered("plan::resolution", card, what, self.shot.place));
            }
            return found;
        };
        if card.resolutions.contains_key(name) {
            return Some(name.to_owned());
        }
        let near = short_side(name).and_then(|side| {
            card.resolutions.iter().min_by_key(|(_, r)| r.short_side.abs_diff(side))
        });
        let names: Vec<&String> = card.resolutions.keys().collect();
        let what = format!("at the resolution `{name}`; it makes {}", list(&names));
        let mut finding = not_offered("plan::resolution", card, &what, place);
        if let Some((near, _)) = near {
            finding = finding.help(format!("the nearest that it makes is {near}"));
        }
        findings.push(finding);
        None
    }

    /// Outer `None`: a problem; inner: the model decides by itself.
    fn fps(&self, card: &ModelCard, findings: &mut Findings) -> Option<Option<u32>> {
        let written = self.shot.settings.fps.as_ref().filter(|_| !self.overruled(|o| o.fps));
        let (fps, place) = match (self.axis("fps"), written) {
            (Some((text, place)), _) => match text.trim().parse::<u32>() {
                Ok(fps) if fps > 0 => (fps, place),
                _ => {
                    findings.push(no_such("fps", text, "a number of frames a second", place));
                    return None;
                }
            },
            (None, Some(placed)) => (placed.value, placed.place),
            (None, None) => {
                return match self.demand {
                    Some(demand) => demand.fps(card, findings),
                    None => Some(card.usual_fps()),
                };
            }
        };
        if card.fps.is_empty() {
            let message = format!("`{}` decides its frame rate by itself", card.model);
            let finding = Finding::advice("plan::fps_ignored", message);
            findings.push(finding.at(place, "this has no effect"));
            return Some(None);
        }
        if card.fps.contains(&fps) {
            return Some(Some(fps));
        }
        let what = format!("at {fps} frames a second; it makes {}", list(&card.fps));
        let mut finding = not_offered("plan::fps", card, &what, place);
        if let Some(near) = card.fps.iter().min_by_key(|f| f.abs_diff(fps)) {
            finding = finding.help(format!("the nearest that it makes is {near}"));
        }
        findings.push(finding);
        None
    }
}

/// A length on which the model decides, if it can.
fn auto_length(
    card: &ModelCard,
    shelf: &Shelf,
    place: Place,
    findings: &mut Findings,
) -> Option<Length> {
    if card.options.contains_key(AUTO_DURATION) {
        return Some(Length::Auto);
    }
    let can = shelf.iter().filter(|other| other.options.contains_key(AUTO_DURATION));
    let can: Vec<&str> = can.map(|other| other.model.as_str()).collect();
    let help = match can.as_slice() {
        [] => format!("write a number of seconds; it makes {}", card.durations),
        can => format!("models that can: {}", list(can)),
    };
    let message = format!("`{}` can't decide by itself how long a clip is", card.model);
    let finding = Finding::error("plan::duration", message);
    findings.push(finding.at(place, "not offered by this model").help(help));
    None
}

/// How pictures are made to fit.
fn framing(wanted: &Wanted<'_>, card: &ModelCard, findings: &mut Findings) -> Option<Framing> {
    let axis = match wanted.axis("fit") {
        None => None,
        Some((text, place)) => match Fit::parse(text) {
            Some(fit) => Some((fit, place)),
            None => {
                findings.push(no_such("fit", text, "keep, pad, crop or blur", place));
                return None;
            }
        },
    };
    let framing = Framing::of(wanted.shot, axis.map(|(fit, _)| fit));
    let place = axis.map(|(_, place)| place);
    let place = place.or(wanted.shot.settings.fit.as_ref().map(|fit| fit.place));
    let by_itself = card.routes.values().all(|ability| ability.max == 0 || !ability.prepare);
    if let (Some(place), true, true) = (place, framing.fit != Fit::Keep, by_itself) {
        let message =
            format!("`{}` frames pictures by itself: `fit` has no effect on it", card.model);
        findings.push(Finding::advice("plan::fit_ignored", message).at(place, "no effect here"));
    }
    Some(framing)
}

/// Pixels of the shorter side that a resolution's name stands for: `720p`, `1080P`, `2k`, `4K`.
fn short_side(name: &str) -> Option<u32> {
    let number: u32 = name.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().ok()?;
    match name.ends_with(['k', 'K']) {
        true => number.checked_mul(540),
        false => Some(number),
    }
}

fn not_offered(code: &'static str, card: &ModelCard, what: &str, place: Place) -> Finding {
    let message = format!("`{}` makes no clip {what}", card.model);
    Finding::error(code, message).at(place, "not offered by this model")
}

fn no_such(setting: &str, text: &str, expected: &str, place: Place) -> Finding {
    let message = format!("`{text}` is no {setting}: {expected} is expected");
    Finding::error("plan::bad_setting", message).at(place, "here")
}

/// How far apart two aspects are; a product of sides keeps it in whole numbers.
pub(super) fn distance(a: AspectRatio, b: AspectRatio) -> u64 {
    let scaled = |r: AspectRatio| u64::from(r.width) * 1_000_000 / u64::from(r.height.max(1));
    scaled(a).abs_diff(scaled(b))
}

/// `a, b and c`.
pub(super) fn list<T: std::fmt::Display>(items: &[T]) -> String {
    match items {
        [] => "none".to_owned(),
        [one] => one.to_string(),
        [rest @ .., last] => {
            let rest: Vec<String> = rest.iter().map(ToString::to_string).collect();
            format!("{} and {last}", rest.join(", "))
        }
    }
}
