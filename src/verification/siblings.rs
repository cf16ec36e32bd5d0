//! A clip against its siblings: the other clips of the same subject.
//!
//! What lives here: which one of them is unlike the others, in colour or in score. What never does:
//! looking at clips, the ledger.
//!
//! Each clip is held against the others alone, so that it doesn't draw their middle to itself; what
//! they differ by among themselves is what is usual. So at most the smaller half of a family can be
//! unlike the rest, and of two clips none is.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ReferenceDetail;

/// The fewest clips among which one can be unlike the others.
pub const FEWEST: usize = 3;
/// A colour nearer than this to the others' (CIE76, light discounted) is never unlike them: so much
/// is the difference of other lamps and encoders.
const NEAR: f32 = 6.0;
/// A score fewer points than this below the others' is never unlike them.
const LOW: f32 = 15.0;
/// How many times further than the others' own middle distance something must be.
const TIMES: f32 = 4.0;

/// One clip of a subject, as it was checked.
#[derive(Debug, Clone, Copy)]
pub struct Sibling<'a> {
    /// Address of its job.
    pub job: &'a str,
    /// `set.id` of its subject.
    pub subject: &'a str,
    /// What measured it: different measures are not compared.
    pub measure: &'a str,
    /// 0 to 100.
    pub score: u8,
    /// What its references came to.
    pub references: &'a [ReferenceDetail],
}

/// In what a clip is unlike its siblings.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Unlike {
    /// The subject's own colour.
    Colour,
    /// The score.
    Score,
}

/// A clip that is unlike its siblings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outlier {
    /// Address of its job.
    pub job: String,
    /// `set.id` of its subject.
    pub subject: String,
    /// In what.
    pub unlike: Unlike,
    /// How far, in units of CIE76 or points of a score; whole numbers, rounded.
    pub by: u32,
    /// How many others there are.
    pub others: u32,
    /// All that in words.
    pub said: String,
}

/// The clips that are unlike the others of their subject; by subject, then the furthest first.
pub fn outliers(clips: &[Sibling<'_>]) -> Vec<Outlier> {
    let mut families: BTreeMap<(&str, &str), Vec<&Sibling<'_>>> = BTreeMap::new();
    for clip in clips {
        families.entry((clip.subject, clip.measure)).or_default().push(clip);
    }
    let mut found = Vec::new();
    for family in families.into_values().filter(|family| family.len() >= FEWEST) {
        let mut of_family = by_colour(&family);
        of_family.extend(by_score(&family));
        of_family.sort_by(|a, b| (a.unlike, b.by, &a.job).cmp(&(b.unlike, a.by, &b.job)));
        found.append(&mut of_family);
    }
    found
}

/// By the colour of each reference; a clip is named once, for the colour that is furthest off.
fn by_colour(family: &[&Sibling<'_>]) -> Vec<Outlier> {
    let mut colours: BTreeMap<&str, Vec<(&Sibling<'_>, [f32; 3])>> = BTreeMap::new();
    for clip in family {
        for reference in clip.references {
            let Some(lab) = reference.lab else { continue };
            let lab = lab.map(|tenths| f32::from(tenths) / 10.0);
            colours.entry(&reference.name).or_default().push((clip, lab));
        }
    }
    let mut furthest: BTreeMap<&str, Outlier> = BTreeMap::new();
    for all in colours.into_values() {
        let labs: Vec<[f32; 3]> = all.iter().map(|(_, lab)| *lab).collect();
        for (at, far) in unlike(&labs, NEAR) {
            let clip = all[at].0;
            let by = far.round() as u32;
            if furthest.get(clip.job).is_some_and(|known| known.by >= by) {
                continue;
            }
            let (others, whose) = (all.len() - 1, clip.subject);
            let said = format!("its colour is {by} dE from the {others} other clips of {whose}");
            furthest.insert(clip.job, outlier(clip, Unlike::Colour, by, others, said));
        }
    }
    furthest.into_values().collect()
}

fn by_score(family: &[&Sibling<'_>]) -> Vec<Outlier> {
    let scores: Vec<[f32; 3]> =
        family.iter().map(|clip| [f32::from(clip.score), 0.0, 0.0]).collect();
    let lower = |(at, far): (usize, f32)| {
        let clip = family[at];
        let others = family.len() - 1;
        let (by, score, whose) = (far.round() as u32, clip.score, clip.subject);
        let is_lower = scores[at][0] < middle(&without(&scores, at))[0];
        let said = format!(
            "its score of {score} is {by} points below the {others} other clips of {whose}"
        );
        is_lower.then(|| outlier(clip, Unlike::Score, by, others, said))
    };
    unlike(&scores, LOW).into_iter().filter_map(lower).collect()
}

fn outlier(clip: &Sibling<'_>, unlike: Unlike, by: u32, others: usize, said: String) -> Outlier {
    Outlier {
        job: clip.job.to_owned(),
        subject: clip.subject.to_owned(),
        unlike,
        by,
        others: u32::try_from(others).unwrap_or(u32::MAX),
        said,
    }
}

/// Those that are further from the middle of the others than is usual among the others, and than
/// `near`; each with how far.
fn unlike(all: &[[f32; 3]], near: f32) -> Vec<(usize, f32)> {
    if all.len() < FEWEST {
        return Vec::new();
    }
    let one = |at: usize| {
        let others = without(all, at);
        let middle = middle(&others);
        let usual = median(others.iter().map(|other| apart(*other, middle)).collect());
        let far = apart(all[at], middle);
        (far > near.max(TIMES * usual)).then_some((at, far))
    };
    (0..all.len()).filter_map(one).collect()
}

fn without(all: &[[f32; 3]], at: usize) -> Vec<[f32; 3]> {
    let others = all.iter().enumerate().filter(|(i, _)| *i != at);
    others.map(|(_, value)| *value).collect()
}

/// The median of each coordinate.
fn middle(all: &[[f32; 3]]) -> [f32; 3] {
    [0, 1, 2].map(|c| median(all.iter().map(|value| value[c]).collect()))
}

fn median(mut values: Vec<f32>) -> f32 {
    values.sort_by(f32::total_cmp);
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2],
        n => f32::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

fn apart(a: [f32; 3], b: [f32; 3]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ledger::ClipVerdict;
    use crate::manifest::Role;

    fn hero(lab: [i16; 3]) -> ReferenceDetail {
        ReferenceDetail {
            name: "hero".to_owned(),
            role: Role::Identity,
            verdict: ClipVerdict::Pass,
            score: Some(90),
            parts: Vec::new(),
            present: 100,
            worst_ms: None,
            lab: Some(lab),
            marks: Vec::new(),
        }
    }

    /// The outliers among clips of a mug by their colours and scores.
    fn of(clips: &[([i16; 3], u8)]) -> Vec<Outlier> {
        let jobs: Vec<String> =
            (0..clips.len()).map(|n| format!("products.mug/turn/-/{}", n + 1)).collect();
        let references: Vec<[ReferenceDetail; 1]> =
            clips.iter().map(|(lab, _)| [hero(*lab)]).collect();
        let all: Vec<Sibling<'_>> = clips
            .iter()
            .zip(&jobs)
            .zip(&references)
            .map(|(((_, score), job), references)| Sibling {
                job,
                subject: "products.mug",
                measure: "kinora 1",
                score: *score,
                references,
            })
            .collect();
        outliers(&all)
    }

    #[test]
    fn one_of_twelve_in_another_colour_is_named() {
        let mut clips: Vec<([i16; 3], u8)> =
            (0..12i16).map(|n| ([700 + n % 4, 40 + n % 3, 120 - n % 5], 90)).collect();
        clips[7].0 = [710, 130, 110];
        let found = of(&clips);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].job, "products.mug/turn/-/8");
        assert_eq!(found[0].said, "its colour is 9 dE from the 11 other clips of products.mug");
    }

    #[test]
    fn a_low_score_among_good_ones_is_named_and_a_high_one_is_not() {
        let same = [500, 0, 0];
        let found = of(&[(same, 91), (same, 93), (same, 90), (same, 60)]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            found[0].said,
            "its score of 60 is 31 points below the 3 other clips of products.mug"
        );
        assert_eq!(of(&[(same, 51), (same, 53), (same, 50), (same, 97)]), []);
    }

    #[test]
    fn of_two_clips_nobody_knows_which_one_is_odd() {
        assert_eq!(of(&[([500, 0, 0], 90), ([500, 900, 0], 10)]), []);
    }

    #[test]
    fn what_differs_anyway_has_no_odd_one() {
        let spread: Vec<_> = (0..9i16).map(|n| ([500 + 60 * n, 80 * n, 0], 90)).collect();
        assert_eq!(of(&spread), []);
    }

    #[test]
    fn subjects_and_measures_are_kept_apart() {
        let (one, other) = ([hero([500, 0, 0])], [hero([500, 400, 0])]);
        let clip = |job, subject, measure, references| Sibling {
            job,
            subject,
            measure,
            score: 90,
            references,
        };
        let clips = [
            clip("a", "products.mug", "kinora 1", &one),
            clip("b", "products.mug", "kinora 1", &one),
            clip("c", "products.cup", "kinora 1", &other),
            clip("d", "products.mug", "kinora 2", &other),
        ];
        assert_eq!(outliers(&clips), []);
    }

    proptest! {
        /// Whatever the clips are, most of a family is never unlike it, and nobody within what is
        /// always near is named.
        #[test]
        fn most_are_never_unlike_the_rest(
            clips in prop::collection::vec((any::<[i16; 3]>(), 0u8..=100), 0..14)
        ) {
            let found = of(&clips);
            for unlike in [Unlike::Colour, Unlike::Score] {
                let named = found.iter().filter(|o| o.unlike == unlike).count();
                prop_assert!(named * 2 <= clips.len(), "{named} of {}", clips.len());
            }
            prop_assert!(found.iter().all(|o| o.by >= NEAR as u32));
        }

        /// A far one among equal ones is always found, wherever it stands.
        #[test]
        fn a_far_one_among_equal_ones_is_found(
            n in 3usize..14, at in any::<prop::sample::Index>(), far in 61i16..600
        ) {
            let mut clips = vec![([300, 10, 20], 90); n];
            clips[at.index(n)].0[2] += far;
            let found = of(&clips);
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(&found[0].job, &format!("products.mug/turn/-/{}", at.index(n) + 1));
        }
    }
}
