//! From measures to scores of 0 to 100.
//!
//! What lives here: the limit of each measure, chosen on pictures and seeds that no reported figure
//! comes from, and how measures are put together. What never does: pixels.

use super::types::{Part, PartName, Role};

/// What lasts over a clip, of one reference.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Measures {
    /// How unlike the small copies are, 0 to 2.
    pub unlike: f32,
    /// The same in half of the frames.
    pub unlike_usually: f32,
    /// How much of the fine structure differs, 0 to 1; of all squares, of the worst 6 %, of the
    /// worst 2 %.
    pub detail: f32,
    pub detail_top: f32,
    pub detail_peak: f32,
    /// How far colours are off (CIE76), light discounted.
    pub colour: f32,
    /// The same without lightness; of all squares, of the worst 8 %.
    pub hue: f32,
    pub hue_top: f32,
    /// By how much it is stretched, as a natural logarithm.
    pub stretch: f32,
    /// How alike another one in the same frame is, 0 to 1.
    pub again: f32,
    /// The light, as natural logarithms.
    pub exposure: f32,
    pub warmth: f32,
    /// How much of the subject lies outside the frame, and behind something else, 0 to 1.
    pub outside: f32,
    pub covered: f32,
}

impl Measures {
    /// By name, for files and curious people.
    pub fn named(&self) -> Vec<(&'static str, f32)> {
        vec![
            ("unlike", self.unlike),
            ("unlike_usually", self.unlike_usually),
            ("detail", self.detail),
            ("detail_top", self.detail_top),
            ("detail_peak", self.detail_peak),
            ("colour", self.colour),
            ("hue", self.hue),
            ("hue_top", self.hue_top),
            ("stretch", self.stretch),
            ("again", self.again),
            ("exposure", self.exposure),
            ("warmth", self.warmth),
            ("outside", self.outside),
            ("covered", self.covered),
        ]
    }
}

/// One measure: the part that it belongs to, and the value that just passes.
struct Gauge {
    part: PartName,
    of: fn(&Measures) -> f32,
    limit: f32,
}

/// The score that is just good enough.
const PASSING: f32 = 80.0;
/// How much more the worst measures count than the others: the power of a mean.
const POWER: f32 = 4.0;
/// No measure counts for more than this many of its limits.
const MOST: f32 = 10.0;
/// Another one less alike than this is chance.
const CHANCE: f32 = 0.3;

const GAUGES: &[Gauge] = &[
    Gauge { part: PartName::Colour, of: |m| m.hue, limit: 2.8 },
    Gauge { part: PartName::Colour, of: |m| m.hue_top, limit: 10.0 },
    Gauge { part: PartName::Colour, of: |m| m.colour, limit: 3.6 },
    Gauge { part: PartName::Detail, of: |m| m.detail, limit: 0.04 },
    Gauge { part: PartName::Detail, of: |m| m.detail_top, limit: 0.24 },
    Gauge { part: PartName::Detail, of: |m| m.detail_peak, limit: 0.42 },
    Gauge { part: PartName::Shape, of: |m| m.stretch, limit: 0.034 },
    Gauge { part: PartName::Presence, of: |m| m.unlike, limit: 0.68 },
    Gauge { part: PartName::Presence, of: |m| (m.again - CHANCE).max(0.0), limit: 0.22 },
];

/// How bad the measures of some parts are together; 1 just passes.
fn together(m: &Measures, counts: impl Fn(PartName) -> bool) -> f32 {
    let sum: f32 = GAUGES
        .iter()
        .filter(|g| counts(g.part))
        .map(|g| {
            let value = (g.of)(m);
            let share = if value.is_nan() { MOST } else { (value / g.limit).clamp(0.0, MOST) };
            share.powf(POWER)
        })
        .sum();
    sum.powf(1.0 / POWER)
}

/// 100 for nothing, [`PASSING`] for 1, towards 0 for much.
pub(super) fn score(bad: f32) -> f32 {
    100.0 * (PASSING / 100.0).powf(bad)
}

/// The score of one reference, and its parts. A first or last frame has no parts of its own for
/// shape and detail: how it lies in the frame is the model's business, the rest is structure.
pub(super) fn scored(m: &Measures, role: Role) -> (f32, Vec<Part>) {
    use PartName::{Colour, Detail, Presence, Shape, Structure};
    let part = |name: PartName, of: &[PartName]| Part {
        name,
        score: score(together(m, |p| of.contains(&p))),
        note: note(m, name),
    };
    match role {
        Role::FirstFrame | Role::LastFrame => {
            let parts = [part(Structure, &[Detail, Presence]), part(Colour, &[Colour])];
            (score(together(m, |p| p != Shape)), parts.to_vec())
        }
        Role::Identity | Role::Look => {
            let parts = [Colour, Shape, Detail, Presence].map(|name| part(name, &[name]));
            (score(together(m, |_| true)), parts.to_vec())
        }
    }
}

/// What was found, in words, where there is something to say.
fn note(m: &Measures, part: PartName) -> String {
    match part {
        PartName::Colour if m.hue_top > 4.0 || m.colour > 2.0 => format!(
            "colours are {:.1} apart on the average, {:.1} where it is worst",
            m.colour, m.hue_top
        ),
        PartName::Shape if m.stretch > 0.02 => {
            format!("stretched by {:.0} %", 100.0 * m.stretch.exp_m1())
        }
        PartName::Detail | PartName::Structure if m.detail_peak > 0.25 => {
            format!(
                "{:.0} % of the finest structure differs where it is worst",
                100.0 * m.detail_peak
            )
        }
        PartName::Presence if m.again > 0.5 => "a second one is to be seen".to_owned(),
        PartName::Presence if m.unlike > 0.6 => "it is hardly to be found".to_owned(),
        PartName::Presence if m.covered > 0.05 => {
            format!("something stands before {:.0} % of it", 100.0 * m.covered)
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_wrong_is_a_hundred_and_one_limit_just_passes() {
        let (all, parts) = scored(&Measures::default(), Role::Identity);
        assert_eq!(all, 100.0);
        assert!(parts.iter().all(|p| p.score == 100.0 && p.note.is_empty()), "{parts:?}");
        let bent = Measures { stretch: 0.034, ..Measures::default() };
        assert!((scored(&bent, Role::Identity).0 - PASSING).abs() < 0.01);
    }

    #[test]
    fn the_whole_is_no_better_than_its_weakest_part() {
        let bad = Measures { hue: 5.0, detail: 0.06, again: 0.9, ..Measures::default() };
        let (all, parts) = scored(&bad, Role::Identity);
        assert!(parts.iter().all(|p| all <= p.score), "{all} {parts:?}");
        let presence = parts.iter().find(|p| p.name == PartName::Presence).expect("a part");
        assert_eq!(presence.note, "a second one is to be seen");
    }

    #[test]
    fn a_frame_may_lie_as_it_likes() {
        let bent = Measures { stretch: 0.2, ..Measures::default() };
        assert_eq!(scored(&bent, Role::FirstFrame).0, 100.0);
        assert!(scored(&bent, Role::Identity).0 < 50.0);
    }

    #[test]
    fn what_is_no_number_does_not_pass() {
        let broken = Measures { detail: f32::NAN, ..Measures::default() };
        assert!(scored(&broken, Role::Identity).0 < PASSING);
    }
}
