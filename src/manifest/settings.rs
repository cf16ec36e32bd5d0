//! Settings as they are written, in shots and in the manifest's defaults.
//!
//! What never lives here: whether a model can do them.

use rust_decimal::Decimal;

use super::catalogue::{Inherited, Settings};
use super::channels::channel;
use super::consistency::Consistency;
use super::length::Length;
use super::raw::{RawDefaults, RawShot};
use crate::diagnostic::Place;
use crate::yaml::{OneOrMany, Placed, Text};

/// Settings of a shot, the manifest's defaults where it says nothing. `choose` and `consistency` are
/// not among them.
pub(super) fn settings(raw: &RawShot, defaults: Option<&RawDefaults>) -> Settings {
    let text = |own: &Option<Text>, default: fn(&RawDefaults) -> &Option<Text>| {
        let text = own.as_ref().or_else(|| default(defaults?).as_ref())?;
        Some(Placed { value: text.trim().to_owned(), place: text.place })
    };
    let length = raw.duration.as_ref().or_else(|| defaults?.duration.as_ref());
    Settings {
        model: text(&raw.model, |d| &d.model),
        choose: None,
        duration: seconds(length),
        auto_duration: auto(length),
        options: options(raw.options.as_ref().or_else(|| defaults?.options.as_ref())),
        aspect: text(&raw.aspect, |d| &d.aspect),
        resolution: text(&raw.resolution, |d| &d.resolution),
        fps: raw.fps.clone().or_else(|| defaults?.fps.clone()),
        fit: raw.fit.clone().or_else(|| defaults?.fit.clone()),
        pad: raw.pad.clone().or_else(|| defaults?.pad.clone()),
        channel: channel(raw.channel.as_ref().or_else(|| defaults?.channel.as_ref())),
        consistency: Consistency::default(),
        inherited: Inherited {
            channel: raw.channel.is_none(),
            duration: raw.duration.is_none(),
            aspect: raw.aspect.is_none(),
            resolution: raw.resolution.is_none(),
            fps: raw.fps.is_none(),
        },
    }
}

/// The manifest's defaults, as settings; without `choose` and `consistency`.
pub(super) fn defaults(raw: &RawDefaults) -> Settings {
    let text = |text: &Text| Placed { value: text.trim().to_owned(), place: text.place };
    Settings {
        model: raw.model.as_ref().map(text),
        choose: None,
        duration: seconds(raw.duration.as_ref()),
        auto_duration: auto(raw.duration.as_ref()),
        options: options(raw.options.as_ref()),
        aspect: raw.aspect.as_ref().map(text),
        resolution: raw.resolution.as_ref().map(text),
        fps: raw.fps.clone(),
        fit: raw.fit.clone(),
        pad: raw.pad.clone(),
        channel: channel(raw.channel.as_ref()),
        consistency: Consistency::default(),
        inherited: Inherited::default(),
    }
}

fn seconds(length: Option<&Placed<Length>>) -> Option<Placed<Decimal>> {
    match length? {
        Placed { value: Length::Seconds(value), place } => {
            Some(Placed { value: *value, place: *place })
        }
        Placed { value: Length::Auto, .. } => None,
    }
}

fn auto(length: Option<&Placed<Length>>) -> Option<Place> {
    length.filter(|length| length.value == Length::Auto).map(|length| length.place)
}

fn options(written: Option<&OneOrMany<Text>>) -> Vec<Placed<String>> {
    let items = written.into_iter().flat_map(|options| &options.items);
    items.map(|name| Placed { value: name.trim().to_owned(), place: name.place }).collect()
}
