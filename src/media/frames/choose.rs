//! Which frames are sampled: the first, the last, and between them evenly over time.
//!
//! A frame can only be decoded after those that it refers to. So each sample may move from its even
//! place by less than half of the way to the next, to a frame before which fewer must be decoded: a
//! key frame, or one that is decoded in any case. What never lives here: decoding.

use std::collections::BTreeMap;

/// A sample moves by at most one part in so many of the distance between two.
const MOVES: u64 = 3;

/// What it costs to have a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    /// The group that it belongs to; no frame refers to another group's.
    pub group: u32,
    /// Frames of the group that others refer to, up to this one in the order of decoding, and
    /// itself if it is one of them.
    pub depth: u32,
    /// Whether no other refers to it.
    pub droppable: bool,
}

/// Chosen frames, ascending, of a clip whose frames are shown at `times`, in ascending order.
pub(super) fn choose(times: &[u64], costs: &[Cost], samples: usize) -> Vec<usize> {
    assert_eq!(times.len(), costs.len(), "each frame has a time and a cost");
    if times.len() <= samples {
        return (0..times.len()).collect();
    }
    let (Some(begin), Some(end)) = (times.first(), times.last()) else { return Vec::new() };
    let last = times.len() - 1;
    let mut needed = Needed::default();
    needed.add(costs[0]);
    needed.add(costs[last]);
    let parts = samples.saturating_sub(1).max(1) as u64;
    let length = end - begin;
    let mut chosen = vec![0];
    for part in 1..parts {
        let target = begin + length * part / parts;
        let reach = length / parts / MOVES;
        let candidates = times.partition_point(|t| *t < target.saturating_sub(reach))
            ..times.partition_point(|t| *t <= target + reach);
        let best = candidates
            .filter(|at| *at > 0 && *at < last)
            .min_by_key(|at| (needed.more_for(costs[*at]), times[*at].abs_diff(target), *at));
        // Where nothing is shown for long, the frame that stands there then.
        let best = best.unwrap_or_else(|| times.partition_point(|t| *t <= target).max(1) - 1);
        if chosen.last().is_some_and(|before| *before < best) && best < last {
            needed.add(costs[best]);
            chosen.push(best);
        }
    }
    chosen.push(last);
    chosen
}

/// How far each group is decoded already.
#[derive(Debug, Default)]
struct Needed(BTreeMap<u32, u32>);

impl Needed {
    fn add(&mut self, cost: Cost) {
        let depth = self.0.entry(cost.group).or_default();
        *depth = cost.depth.max(*depth);
    }

    /// How many frames more must be decoded.
    fn more_for(&self, cost: Cost) -> u32 {
        let depth = self.0.get(&cost.group).copied().unwrap_or(0);
        cost.depth.saturating_sub(depth) + u32::from(cost.droppable)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Frames 40 ms apart, in groups of `group`, of which one in `refers` is referred to.
    fn clip(frames: u32, group: u32, refers: u32) -> (Vec<u64>, Vec<Cost>) {
        let cost = |at: u32| Cost {
            group: at / group,
            depth: at % group / refers + 1,
            droppable: !(at % group).is_multiple_of(refers),
        };
        ((0..frames).map(|at| u64::from(at) * 40).collect(), (0..frames).map(cost).collect())
    }

    fn chosen(frames: u32, group: u32, refers: u32, samples: usize) -> Vec<usize> {
        let (times, costs) = clip(frames, group, refers);
        choose(&times, &costs, samples)
    }

    #[test]
    fn a_clip_of_few_frames_gives_all() {
        assert_eq!(chosen(3, 30, 1, 14), [0, 1, 2]);
        assert_eq!(chosen(1, 30, 1, 14), [0]);
        assert!(choose(&[], &[], 14).is_empty());
    }

    #[test]
    fn where_all_is_decoded_anyway_samples_stand_evenly() {
        assert_eq!(chosen(101, 1000, 1, 6), [0, 20, 40, 60, 80, 100]);
    }

    #[test]
    fn samples_move_to_key_frames_and_away_from_the_ends_of_groups() {
        assert_eq!(chosen(101, 25, 1, 5), [0, 25, 50, 75, 100]);
        assert_eq!(chosen(101, 24, 1, 5), [0, 24, 48, 72, 100]);
        assert_eq!(
            chosen(120, 30, 1, 14),
            [0, 7, 16, 30, 34, 43, 52, 62, 71, 80, 92, 101, 110, 119]
        );
    }

    #[test]
    fn samples_move_to_frames_that_others_refer_to() {
        let samples = chosen(120, 1000, 4, 14);
        assert!(samples[..13].iter().all(|at| at % 4 == 0), "{samples:?}");
    }

    proptest! {
        #[test]
        fn samples_ascend_from_first_to_last_and_none_is_far_from_its_place(
            frames in 2u32..400, group in 1u32..300, refers in 1u32..8, samples in 2usize..64,
        ) {
            let found = chosen(frames, group, refers, samples);
            prop_assert_eq!(found[0], 0);
            prop_assert_eq!(found.last(), Some(&(frames as usize - 1)));
            prop_assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(found.len() <= samples.max(frames as usize));
            if frames as usize > 4 * samples {
                prop_assert_eq!(found.len(), samples);
                let step = (f64::from(frames) - 1.0) / (samples as f64 - 1.0);
                for (part, at) in found.iter().enumerate() {
                    prop_assert!((*at as f64 - part as f64 * step).abs() <= step / 3.0 + 1.0);
                }
            }
        }

        #[test]
        fn times_that_lie_do_no_harm(mut times in proptest::collection::vec(0u64..5000, 1..80), samples in 2usize..20) {
            times.sort_unstable();
            let costs = clip(times.len() as u32, 9, 2).1;
            let found = choose(&times, &costs, samples);
            prop_assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(found.iter().all(|at| *at < times.len()));
            prop_assert!(found.len() <= samples);
        }
    }
}
