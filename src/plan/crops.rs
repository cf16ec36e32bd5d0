//! Crops: clips for one channel that serve another one too, and what making them once would save.
//!
//! What lives here: which variant's clips another variant could be cut out of, and the sum of the
//! jobs that could then be left out. What never does: leaving any out, or cutting; a person
//! decides whether what is cut away matters.
//!
//! Careful by intent: only variants of one shot with the same subject, take, model and prompt, only
//! where half of the frame at least stays and has the pixels that the channel asks, and only at a
//! length that both take.

use std::collections::{BTreeMap, HashMap};

use rust_decimal::Decimal;

use super::channels::AXIS;
use super::job::PlannedJob;
use super::summary::CropSaving;
use super::variants::Variant;
use crate::channel::{Channel, Pixels};
use crate::diagnostic::{Finding, Findings};
use crate::manifest::{Catalogue, Shot};
use crate::models::{AUTO_DURATION, AspectRatio};
use crate::money::{Amount, Unit};
use crate::template::Engine;

/// The variant whose clip serves, and how much of its frame stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crop {
    /// Index of the variant.
    pub of: usize,
    /// Pixels that stay.
    pub stays: (u32, u32),
}

/// For each variant of a shot, whose clip serves it; empty where none does.
pub(super) type ShotCrops = Vec<Option<Crop>>;

/// The crops of one shot's variants: each is left out for at most one other, which stays.
pub(super) fn of_shot(catalogue: &Catalogue, shot: &Shot, variants: &[Variant]) -> ShotCrops {
    let several = variants.iter().filter(|variant| variant.channel.is_some()).count() > 1;
    if !several || !is_one_prompt(catalogue, shot) {
        return Vec::new();
    }
    let written = shot.axes.iter().any(|axis| &*axis.name == "duration");
    let open = shot.settings.duration.is_none() && !written;
    let mut choice =
        Choice { crops: vec![None; variants.len()], stays: vec![false; variants.len()] };
    for group in alike(variants) {
        choice.make(&group, |of, other| {
            (of != other).then(|| crop(&variants[of], &variants[other], open)).flatten()
        });
    }
    choice.crops
}

/// Variants that differ in their channel alone, in the order of their first: of many variants, each
/// is held against a few.
fn alike(variants: &[Variant]) -> Vec<Vec<usize>> {
    let mut places: HashMap<_, usize> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (at, variant) in variants.iter().enumerate() {
        let rest: Vec<_> = variant.values.iter().filter(|(name, _)| **name != *AXIS).collect();
        let with: Vec<_> = variant.with.iter().map(|(_, of)| (of.set, of.subject)).collect();
        let place = *places.entry((rest, with, &variant.card.model)).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(at);
    }
    groups
}

/// Which variants serve others, while it is being decided.
struct Choice {
    crops: ShotCrops,
    /// Those that serve others, and are therefore made.
    stays: Vec<bool>,
}

impl Choice {
    /// Lets those of a group that serve most others serve them; of equals, the first.
    fn make(&mut self, all: &[usize], serves: impl Fn(usize, usize) -> Option<(u32, u32)>) {
        let open =
            |choice: &Choice, other: usize| choice.crops[other].is_none() && !choice.stays[other];
        let uses = |choice: &Choice, of: usize| {
            let others = all.iter().filter(|other| open(choice, **other));
            others.filter(|other| serves(of, **other).is_some()).count()
        };
        let mut by_use: Vec<(usize, usize)> = all.iter().map(|of| (uses(self, *of), *of)).collect();
        by_use.sort_by_key(|(uses, of)| (std::cmp::Reverse(*uses), *of));
        for (_, of) in by_use {
            if self.crops[of].is_some() {
                continue;
            }
            for other in all.iter().copied() {
                if !open(self, other) {
                    continue;
                }
                if let Some(stays) = serves(of, other) {
                    self.crops[other] = Some(Crop { of, stays });
                    self.stays[of] = true;
                }
            }
        }
    }
}

fn area((width, height): (u32, u32)) -> u64 {
    u64::from(width) * u64::from(height)
}

/// Whether the prompts of variants that differ in nothing but the channel are the same.
fn is_one_prompt(catalogue: &Catalogue, shot: &Shot) -> bool {
    let engine = Engine::new(&catalogue.limits);
    let is_same = |name: &String| match name.split_once('.').unwrap_or((name, "")) {
        ("channel", _) | ("variant", "" | AXIS) => false,
        ("variant", "model") => true,
        ("variant", of) => shot.axes.iter().any(|axis| *axis.name == *of),
        _ => true,
    };
    let templates = [Some(&shot.prompt), shot.negative_prompt.as_ref()];
    templates.into_iter().flatten().all(|template| {
        // What does not compile is said elsewhere.
        let compiled = engine.template(&template.source);
        compiled.is_ok_and(|compiled| compiled.undeclared().iter().all(is_same))
    })
}

/// How much of a clip of `from` stays when it is cut for the channel of `to`; `None` where it does
/// not serve. `open` where the length is for the channels to choose.
fn crop(from: &Variant, to: &Variant, open: bool) -> Option<(u32, u32)> {
    let (_, channel) = (from.channel.as_ref()?, to.channel.as_ref()?);
    let (of, wanted) = (&from.settings, &to.settings);
    if of.options != wanted.options {
        return None;
    }
    let same_length = of.duration == wanted.duration || open;
    if !same_length || !length_suits(channel, from, wanted.duration) {
        return None;
    }
    if of.fps.is_some_and(|fps| !channel.takes_fps(fps)) {
        return None;
    }
    let aspect = AspectRatio::parse(&wanted.aspect)?;
    let size = (of.width, of.height);
    let stays = match AspectRatio::parse(&of.aspect)? == aspect {
        true => size,
        false => largest(aspect, size),
    };
    let asks = channel.frame(aspect).and_then(|frame| frame.least);
    // Where nobody says how few pixels will do, those that would be made must be there.
    let asks = asks.unwrap_or(Pixels { width: wanted.width, height: wanted.height });
    let is_sharp = asks.reached_by(stays) && near_enough(stays, (wanted.width, wanted.height));
    // What is cut out of the smaller half of a frame shows something else than the whole does.
    let is_most = area(stays) * 2 >= area(size);
    (is_sharp && is_most && channel.takes_size(aspect, stays)).then_some(stays)
}

/// Whether a size has two thirds at least of the pixels that would be made, along both sides.
fn near_enough(stays: (u32, u32), made: (u32, u32)) -> bool {
    let enough = |stays: u32, made: u32| u64::from(stays) * 3 >= u64::from(made) * 2;
    enough(stays.0, made.0) && enough(stays.1, made.1)
}

/// Whether a clip's length is taken by a channel, and is no worse there than `planned`.
fn length_suits(channel: &Channel, from: &Variant, planned: Decimal) -> bool {
    let seconds = from.settings.duration;
    if from.settings.options.iter().any(|option| option == AUTO_DURATION) {
        let ends = [from.card.durations.shortest(), from.card.durations.longest()];
        return ends.into_iter().flatten().all(|end| channel.takes_length(end));
    }
    let advised = channel.advised().unwrap_or_default();
    channel.takes_length(seconds) && (advised.allows(seconds) || !advised.allows(planned))
}

/// The largest part of a frame that has a shape; both sides even, as 4:2:0 needs.
fn largest(aspect: AspectRatio, (width, height): (u32, u32)) -> (u32, u32) {
    let (a, b) = (u64::from(aspect.width), u64::from(aspect.height));
    let (w, h) = (u64::from(width), u64::from(height));
    let even = |side: u64| u32::try_from(side - side % 2).unwrap_or(u32::MAX);
    match w * b >= h * a {
        true => (even(h * a / b), even(h)),
        false => (even(w), even(w * b / a)),
    }
}

/// Jobs that could be left out, by shot and variant.
#[derive(Debug, Clone, Default)]
pub(super) struct CropTally(BTreeMap<(usize, usize), LeftOut>);

#[derive(Debug, Clone, Copy, Default)]
struct LeftOut {
    jobs: u64,
    saves: Decimal,
    /// Jobs whose price is not known.
    unpriced: u64,
}

impl LeftOut {
    fn add(&mut self, other: LeftOut) {
        self.jobs += other.jobs;
        self.unpriced += other.unpriced;
        self.saves = self.saves.saturating_add(other.saves);
    }
}

impl CropTally {
    /// Counts a job that would run, and whose clip another one's would serve for.
    pub fn add(&mut self, shot: usize, variant: usize, job: &PlannedJob) {
        let follows = job.model.routes.get(&job.route).is_some_and(|route| route.follows_picture);
        if follows {
            // The clip has the shape of its picture, so nobody knows what there is to cut.
            return;
        }
        let price = job.estimate.known().map(|amount| amount.value);
        let left_out = LeftOut {
            jobs: 1,
            saves: price.unwrap_or_default(),
            unpriced: u64::from(price.is_none()),
        };
        self.0.entry((shot, variant)).or_default().add(left_out);
    }

    /// Adds the jobs of another part of the plan.
    pub fn take(&mut self, other: CropTally) {
        for (key, left_out) in other.0 {
            self.0.entry(key).or_default().add(left_out);
        }
    }

    /// What making clips once would save, in the order of the manifest; each job counts once.
    pub fn savings(
        self,
        catalogue: &Catalogue,
        shots: &[(&ShotCrops, &[Variant])],
    ) -> Vec<CropSaving> {
        let mut savings: Vec<CropSaving> = Vec::new();
        for ((shot, variant), left_out) in self.0 {
            let (crops, variants) = shots[shot];
            let Some(crop) = crops[variant] else { continue };
            let name = |variant: usize| {
                let channel = variants[variant].channel.as_ref();
                channel.map(|channel| channel.channel.clone()).unwrap_or_default()
            };
            let of = &variants[crop.of].settings;
            let saving = CropSaving {
                shot: catalogue.shots[shot].id.to_string(),
                channel: name(variant),
                from: name(crop.of),
                size: Pixels { width: of.width, height: of.height },
                stays: Pixels { width: crop.stays.0, height: crop.stays.1 },
                jobs: left_out.jobs,
                saves: left_out.saves,
                unpriced: left_out.unpriced,
                unit: catalogue.budget.unit.to_string(),
            };
            // Variants of other axes with the same channels are one thing to decide.
            let same = |s: &&mut CropSaving| {
                (&s.shot, &s.channel, &s.from, s.size, s.stays)
                    == (&saving.shot, &saving.channel, &saving.from, saving.size, saving.stays)
            };
            match savings.iter_mut().find(same) {
                Some(same) => {
                    same.jobs += saving.jobs;
                    same.unpriced += saving.unpriced;
                    same.saves = same.saves.saturating_add(saving.saves);
                }
                None => savings.push(saving),
            }
        }
        savings
    }
}

/// Says of each what it would save.
pub(super) fn advise(
    savings: &[CropSaving],
    catalogue: &Catalogue,
    unit: &Unit,
    findings: &mut Findings,
) {
    for saving in savings {
        let CropSaving { channel, from, size, stays, .. } = saving;
        let how = match size == stays {
            true => format!("the clips for `{from}` serve `{channel}` as they are"),
            false => format!("the clips for `{from}` ({size}) serve `{channel}` cut to {stays}"),
        };
        let message = format!("{how}; making each once saves {}", said(saving, unit));
        let help = match size == stays {
            true => format!(
                "take `{channel}` out of the shot's channels, and use the clips for `{from}` there too"
            ),
            false => format!(
                "take `{channel}` out of the shot's channels, and cut the clips for `{from}`, if what \
                 matters stays in the frame"
            ),
        };
        let shot = catalogue.shots.iter().find(|shot| *shot.id == *saving.shot);
        let place = shot.map(|shot| {
            let axis = shot.axes.iter().find(|axis| &*axis.name == AXIS);
            let value = axis
                .and_then(|axis| axis.values.iter().find(|(name, _)| **name == *channel.as_str()));
            value.map_or(shot.place, |(_, place)| *place)
        });
        let finding = Finding::advice("plan::crop_saves", message).help(help);
        findings.push(match place {
            Some(place) => finding.at(place, "could be left out"),
            None => finding,
        });
    }
}

fn said(saving: &CropSaving, unit: &Unit) -> String {
    let jobs = match saving.jobs {
        1 => "1 job".to_owned(),
        jobs => format!("{jobs} jobs"),
    };
    let amount = Amount::new(saving.saves, unit.clone());
    match saving.unpriced {
        0 => format!("{amount} ({jobs} of the shot `{}`)", saving.shot),
        all if all == saving.jobs => {
            format!("{jobs} of the shot `{}`, whose price is not known", saving.shot)
        }
        some => {
            format!("{amount} and more ({jobs} of the shot `{}`, {some} unpriced)", saving.shot)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn aspect(text: &str) -> AspectRatio {
        AspectRatio::parse(text).expect("an aspect")
    }

    #[test]
    fn the_largest_part_of_a_frame_keeps_one_side_whole() {
        assert_eq!(largest(aspect("4:5"), (1080, 1920)), (1080, 1350));
        assert_eq!(largest(aspect("9:16"), (1920, 1080)), (606, 1080));
        assert_eq!(largest(aspect("16:9"), (1080, 1920)), (1080, 606));
        assert_eq!(largest(aspect("1:1"), (1920, 1080)), (1080, 1080));
    }

    proptest! {
        #[test]
        fn a_part_is_inside_its_frame_and_has_its_shape(
            (a, b) in (1u32..100, 1u32..100),
            (w, h) in (16u32..8000, 16u32..8000),
        ) {
            let shape = AspectRatio { width: a, height: b };
            let (width, height) = largest(shape, (w, h));
            prop_assert!(width <= w && height <= h);
            // Two pixels are lost at most to even sides, and one to the fraction.
            let exact = u64::from(width) * u64::from(b);
            let other = u64::from(height) * u64::from(a);
            prop_assert!(exact.abs_diff(other) <= 3 * u64::from(a.max(b)));
            prop_assert!(w - width < 3 || h - height < 3);
        }
    }
}
