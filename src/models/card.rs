//! The model card: abilities of one model, as data.

use std::collections::BTreeMap;
use std::fmt;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::api::Api;
use super::only::Only;
use super::option::ModelOption;
use super::price::Price;

/// How a job enters a model.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// A prompt alone.
    Text,
    /// One picture, the first frame.
    Image,
    /// First and last frame.
    Frames,
    /// Several pictures, called by the prompt.
    References,
}

impl Route {
    /// Every route, cheapest in pictures first.
    pub const ALL: [Route; 4] = [Route::Text, Route::Image, Route::Frames, Route::References];

    /// As written in manifests and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Route::Text => "text",
            Route::Image => "image",
            Route::Frames => "frames",
            Route::References => "references",
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What one model can do and what it costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelCard {
    /// Version of the card language: 1.
    pub kinora_model: u32,
    /// Name by which manifests call it, for instance `animatic` or `fal/seedance-2.0`.
    pub model: String,
    /// Name of the provider that runs it.
    pub provider: String,
    /// One line for people.
    pub title: String,
    /// Routes it has, with what each takes.
    #[schemars(schema_with = "routes_schema")]
    pub routes: BTreeMap<Route, RouteAbility>,
    /// Lengths it can make.
    pub durations: Durations,
    /// Aspects it can make; empty when any will do.
    #[serde(default)]
    pub aspects: Vec<AspectRatio>,
    /// Resolutions by name, for instance `720p`.
    pub resolutions: BTreeMap<String, Resolution>,
    /// Combinations that allow less than the lists above.
    #[serde(default)]
    pub only: Vec<Only>,
    /// Pixels of the longest side that it can make; absent where its aspects and resolutions
    /// say it all.
    #[serde(default)]
    pub longest_side: Option<u32>,
    /// Frame rates it can make; empty when it decides by itself.
    #[serde(default)]
    pub fps: Vec<u32>,
    /// Whether a seed can be given.
    #[serde(default)]
    pub seed: bool,
    /// Whether a negative prompt can be given.
    #[serde(default)]
    pub negative_prompt: bool,
    /// Most characters of a prompt.
    #[serde(default)]
    pub prompt_max_chars: Option<usize>,
    /// What can be switched on, by name; off if a job does not ask for it.
    #[serde(default)]
    pub options: BTreeMap<String, ModelOption>,
    /// What it costs; a card without a price is unpriced, never free. On a shelf, the list that
    /// is in force on the shelf's day.
    #[serde(default)]
    pub price: Option<Price>,
    /// In place of `price`, several lists with the days on which they hold. Of two that hold, the
    /// one that began later counts.
    #[serde(default)]
    pub prices: Vec<Price>,
    /// Seconds from a job's submission to its clip, as a rule, where its provider says so. What
    /// the ledger has measured counts before it.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub typical_seconds: Option<u32>,
    /// Where these facts are from.
    #[serde(default)]
    pub source: Option<String>,
    /// How its provider calls it, and what its requests say.
    #[serde(default)]
    pub api: Api,
}

/// The resolution of a job that asks for none, where its model has it.
pub const USUAL_RESOLUTION: &str = "720p";

/// Its shorter side, in pixels: of models that do not have it, the nearest is taken.
const USUAL_SHORT_SIDE: u32 = 720;

/// Frames a second of a job that asks for none, where its model can make them.
const USUAL_FPS: u32 = 24;

impl ModelCard {
    /// The fewest pictures that a job sends by a route.
    pub fn least_pictures(&self, route: Route) -> usize {
        match route {
            Route::Text => 0,
            Route::Image => 1,
            Route::Frames => 2,
            Route::References => self.routes.get(&route).map_or(1, |ability| ability.min.max(1)),
        }
    }

    /// Frames a second of a clip for which none are asked; `None` where the model decides.
    pub fn usual_fps(&self) -> Option<u32> {
        let usual = self.fps.contains(&USUAL_FPS).then_some(USUAL_FPS);
        usual.or(self.fps.first().copied())
    }

    /// The size of a clip as its price counts it, where its settings say `size`. On a route on
    /// which the clip takes its shape from a picture, it may be any that the model makes: the
    /// one with the most pixels counts, so that no clip costs more than was expected.
    pub fn billed_size(&self, route: Route, resolution: &str, size: (u32, u32)) -> (u32, u32) {
        let follows = self.routes.get(&route).is_some_and(|ability| ability.follows_picture);
        let counts = || self.price.as_ref().is_some_and(Price::counts_pixels);
        if !follows || !counts() {
            return size;
        }
        let Some(resolution) = self.resolutions.get(resolution) else { return size };
        let sizes = self.aspects.iter().map(|aspect| resolution.size(*aspect));
        let pixels = |(width, height): &(u32, u32)| u64::from(*width) * u64::from(*height);
        sizes.chain([size]).max_by_key(pixels).unwrap_or(size)
    }

    /// The resolution of a job that asks for none: 720p, or the least that it makes.
    pub fn usual_resolution(&self) -> Option<&str> {
        let far = |r: &Resolution| r.short_side.abs_diff(USUAL_SHORT_SIDE);
        let nearest = || self.resolutions.iter().min_by_key(|(_, r)| (far(r), r.short_side));
        let usual = self.resolutions.contains_key(USUAL_RESOLUTION).then_some(USUAL_RESOLUTION);
        usual.or_else(|| nearest().map(|(name, _)| name.as_str()))
    }
}

/// One property for each route, so that editors complete them and slips are found.
fn routes_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    by_route::<RouteAbility>(generator)
}

/// A mapping with at most one `T` for each route.
pub(super) fn by_route<T: JsonSchema>(
    generator: &mut schemars::SchemaGenerator,
) -> schemars::Schema {
    let value = generator.subschema_for::<T>();
    let routes: serde_json::Map<String, serde_json::Value> = Route::ALL
        .iter()
        .map(|route| (route.as_str().to_owned(), value.clone().to_value()))
        .collect();
    schemars::json_schema!({
        "type": "object",
        "properties": routes,
        "additionalProperties": false
    })
}

/// What one route takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteAbility {
    /// Fewest pictures.
    #[serde(default)]
    pub min: usize,
    /// Most pictures.
    #[serde(default)]
    pub max: usize,
    /// How a prompt calls a picture on this route; absent when it can't.
    #[serde(default)]
    pub mention: Option<Mention>,
    /// Formats of pictures it takes, by their short names (`jpeg`, `png`, `webp`); empty: these
    /// three.
    #[serde(default)]
    pub formats: Vec<String>,
    /// Whether the clip has the shape of its first frame, whatever aspect is asked.
    #[serde(default)]
    pub follows_picture: bool,
    /// Shortest side of a picture, in pixels.
    #[serde(default)]
    pub min_side: Option<u32>,
    /// Longest side of a picture, in pixels.
    #[serde(default)]
    pub max_side: Option<u32>,
    /// Most pixels of a picture, width times height.
    #[serde(default)]
    pub max_pixels: Option<u64>,
    /// Narrowest shape of a picture, width to height, for instance "2:5".
    #[serde(default)]
    pub aspect_min: Option<AspectRatio>,
    /// Widest shape of a picture, width to height, for instance "5:2".
    #[serde(default)]
    pub aspect_max: Option<AspectRatio>,
    /// Most bytes of one picture.
    #[serde(default)]
    pub max_bytes: Option<u64>,
    /// Whether pixels of a picture may be transparent; true if not given.
    #[serde(default = "yes")]
    pub alpha: bool,
    /// Whether pictures are made fit for it before they are sent; true if not given. What runs on
    /// this machine and reads any file by itself says false.
    #[serde(default = "yes")]
    pub prepare: bool,
}

fn yes() -> bool {
    true
}

/// How a model wants a picture called in its prompt. `{n}` is the picture's position from 1,
/// `{name}` its name: `@Image{n}`, `<<<image_{n}>>>`, `[Image {n}]`, `@{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Mention(pub String);

impl Mention {
    /// The call of the picture at `position` (from 1) named `name`.
    pub fn render(&self, position: usize, name: &str) -> String {
        self.0.replace("{n}", &position.to_string()).replace("{name}", name)
    }
}

/// Lengths that a model can make, in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Durations {
    /// Only these.
    Values(
        #[schemars(with = "crate::yaml::Decimals")]
        #[serde(deserialize_with = "crate::yaml::decimals")]
        Vec<Decimal>,
    ),
    /// Anything from `min` to `max`, in steps of `step`.
    Range {
        /// Shortest.
        #[schemars(with = "crate::yaml::Exact")]
        #[serde(deserialize_with = "crate::yaml::decimal")]
        min: Decimal,
        /// Longest.
        #[schemars(with = "crate::yaml::Exact")]
        #[serde(deserialize_with = "crate::yaml::decimal")]
        max: Decimal,
        /// Step from `min`.
        #[schemars(with = "crate::yaml::Exact")]
        #[serde(deserialize_with = "crate::yaml::decimal")]
        step: Decimal,
    },
}

impl Durations {
    /// Whether `seconds` can be made.
    pub fn allows(&self, seconds: Decimal) -> bool {
        match self {
            Durations::Values(values) => values.contains(&seconds),
            Durations::Range { min, max, step } => {
                seconds >= *min
                    && seconds <= *max
                    && (step.is_zero() || ((seconds - min) % step).is_zero())
            }
        }
    }

    /// The shortest length that can be made.
    pub fn shortest(&self) -> Option<Decimal> {
        match self {
            Durations::Values(values) => values.iter().copied().min(),
            Durations::Range { min, .. } => Some(*min),
        }
    }

    /// The longest length that can be made.
    pub fn longest(&self) -> Option<Decimal> {
        match self {
            Durations::Values(values) => values.iter().copied().max(),
            Durations::Range { max, step, .. } if step.is_zero() => Some(*max),
            Durations::Range { min, max, step } => Some(max - (max - min) % step),
        }
    }

    /// The nearest length that can be made.
    pub fn nearest(&self, seconds: Decimal) -> Option<Decimal> {
        match self {
            Durations::Values(values) => {
                values.iter().copied().min_by_key(|v| (*v - seconds).abs())
            }
            Durations::Range { min, max, step } => {
                let clamped = seconds.clamp(*min, *max);
                if step.is_zero() {
                    return Some(clamped);
                }
                Some((min + ((clamped - min) / step).round() * step).min(*max))
            }
        }
    }
}

impl fmt::Display for Durations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Durations::Values(values) => {
                let texts: Vec<String> = values.iter().map(|v| v.normalize().to_string()).collect();
                write!(f, "{} s", texts.join(", "))
            }
            Durations::Range { min, max, .. } => {
                write!(f, "{} to {} s", min.normalize(), max.normalize())
            }
        }
    }
}

/// An aspect as it is written, width to height: `21:9` stays `21:9`, because that is the word
/// that providers know. Two are equal when they are the same shape.
#[derive(Debug, Clone, Copy)]
pub struct AspectRatio {
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl AspectRatio {
    /// Of a clip for which nothing else is asked.
    pub const USUAL: AspectRatio = AspectRatio { width: 16, height: 9 };

    /// From text such as `9:16`. Sides are 1 to 10,000.
    pub fn parse(text: &str) -> Option<Self> {
        let (w, h) = text.trim().split_once(':')?;
        let side = |s: &str| s.trim().parse::<u32>().ok().filter(|n| (1..=10_000).contains(n));
        Some(AspectRatio { width: side(w)?, height: side(h)? })
    }
}

impl PartialEq for AspectRatio {
    fn eq(&self, other: &Self) -> bool {
        u64::from(self.width) * u64::from(other.height)
            == u64::from(other.width) * u64::from(self.height)
    }
}

impl Eq for AspectRatio {}

impl fmt::Display for AspectRatio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.width, self.height)
    }
}

impl Serialize for AspectRatio {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AspectRatio {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        AspectRatio::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no aspect such as 9:16")))
    }
}

impl JsonSchema for AspectRatio {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AspectRatio".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "format": "aspect",
            "pattern": "^[1-9][0-9]{0,4}:[1-9][0-9]{0,4}$",
            "description": "Width to height, for instance 9:16."
        })
    }
}

/// A resolution: the shorter side, or exact sizes by aspect where a model has its own table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resolution {
    /// Pixels of the shorter side.
    pub short_side: u32,
    /// Exact `WIDTHxHEIGHT` by aspect, where they differ from the rule.
    #[serde(default)]
    pub sizes: BTreeMap<String, String>,
}

impl Resolution {
    /// Pixels of a side of any clip, at most, whatever a card says: far beyond what models make.
    pub const MOST_SIDE: u32 = 16_384;

    /// Pixels of a clip of this resolution and aspect; both sides even, as 4:2:0 needs.
    pub fn size(&self, aspect: AspectRatio) -> (u32, u32) {
        if let Some((w, h)) = self.sizes.get(&aspect.to_string()).and_then(|s| s.split_once('x'))
            && let (Ok(w), Ok(h)) = (w.parse(), h.parse())
        {
            return (w, h);
        }
        let short = u64::from(self.short_side);
        let (w, h) = (u64::from(aspect.width), u64::from(aspect.height));
        let scale = |long: u64, by: u64| ((short * long + by / 2) / by) as u32;
        let (width, height) =
            if w >= h { (scale(w, h), self.short_side) } else { (self.short_side, scale(h, w)) };
        (width.next_multiple_of(2), height.next_multiple_of(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_the_shorter_side_and_are_even() {
        let hd = Resolution { short_side: 720, sizes: BTreeMap::new() };
        let aspect = |t: &str| AspectRatio::parse(t).expect("an aspect");
        assert_eq!(hd.size(aspect("16:9")), (1280, 720));
        assert_eq!(hd.size(aspect("9:16")), (720, 1280));
        assert_eq!(hd.size(aspect("1:1")), (720, 720));
        assert_eq!(hd.size(aspect("21:9")), (1680, 720));
    }
}
