//! Light: how much brighter, and how much warmter, a frame shows the same colours.
//!
//! What lives here: fitting those two, and applying them. What never does: anything that turns a
//! hue, since no lamp does.

/// Brightness and warmth, as natural logarithms in linear light.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Light {
    /// Above zero: brighter.
    pub exposure: f32,
    /// Above zero: more red than blue.
    pub warmth: f32,
}

/// How warmth acts on red, green and blue.
const WARM: [f32; 3] = [0.55, 0.05, -0.60];

impl Light {
    /// A colour of the reference (linear, 0 to 1) in this light, as far as a picture can show it.
    pub fn on(&self, colour: [f32; 3]) -> [f32; 3] {
        [0, 1, 2]
            .map(|c| (colour[c] * (self.exposure + WARM[c] * self.warmth).exp()).clamp(0.0, 1.0))
    }

    /// The colour that something has in the reference's light when it shows this one in this light.
    pub fn off(&self, colour: [f32; 3]) -> [f32; 3] {
        [0, 1, 2]
            .map(|c| (colour[c] * (-self.exposure - WARM[c] * self.warmth).exp()).clamp(0.0, 1.0))
    }
}

/// A square's colour in the reference and in the frame (linear), and how much it counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub reference: [f32; 3],
    pub frame: [f32; 3],
    pub weight: f32,
}

/// The light under which the most squares look as they should. What it can't explain is left.
pub(super) fn fitted(pairs: &[Pair]) -> Light {
    let mut light = Light { exposure: typical_exposure(pairs), warmth: 0.0 };
    let mut step = [0.25f32, 0.3];
    let mut best = cost(pairs, &light);
    // Down the two axes by turns, in halving steps: few squares, and clipping makes it no parabola.
    for _ in 0..7 {
        for _ in 0..3 {
            let before = best;
            for axis in 0..2 {
                for sign in [1.0, -1.0] {
                    let mut next = light;
                    if axis == 0 {
                        next.exposure = (next.exposure + sign * step[0]).clamp(-2.0, 2.0);
                    } else {
                        next.warmth = (next.warmth + sign * step[1]).clamp(-1.2, 1.2);
                    }
                    let here = cost(pairs, &next);
                    if here < best {
                        (best, light) = (here, next);
                    }
                }
            }
            if best >= before {
                break;
            }
        }
        step = step.map(|s| s / 2.0);
    }
    light
}

fn typical_exposure(pairs: &[Pair]) -> f32 {
    let mut ratios: Vec<f32> = pairs
        .iter()
        .filter(|p| p.weight > 0.3)
        .map(|p| ((p.frame[1] + 0.01) / (p.reference[1] + 0.01)).ln())
        .collect();
    if ratios.is_empty() {
        return 0.0;
    }
    let middle = ratios.len() / 2;
    (*ratios.select_nth_unstable_by(middle, f32::total_cmp).1).clamp(-1.5, 1.5)
}

fn cost(pairs: &[Pair], light: &Light) -> f32 {
    let sum: f32 = pairs
        .iter()
        .map(|p| {
            let d = apart(light.on(p.reference), p.frame);
            p.weight * d * d / (d * d + 100.0)
        })
        .sum();
    // A mild wish for the light of the picture, where the squares don't decide.
    let weight: f32 = pairs.iter().map(|p| p.weight).sum();
    sum + weight * (0.002 * light.exposure * light.exposure + 0.004 * light.warmth * light.warmth)
}

fn apart(a: [f32; 3], b: [f32; 3]) -> f32 {
    crate::inspect::raster::apart(crate::inspect::raster::lab(a), crate::inspect::raster::lab(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colours() -> Vec<[f32; 3]> {
        vec![
            [0.5, 0.1, 0.05],
            [0.1, 0.3, 0.12],
            [0.6, 0.6, 0.58],
            [0.05, 0.08, 0.3],
            [0.3, 0.25, 0.2],
        ]
    }

    fn pairs(of: impl Fn([f32; 3]) -> [f32; 3]) -> Vec<Pair> {
        let pair = |c: [f32; 3]| Pair { reference: c, frame: of(c), weight: 1.0 };
        colours().into_iter().map(pair).collect()
    }

    fn left(pairs: &[Pair]) -> f32 {
        let light = fitted(pairs);
        let far = pairs.iter().map(|p| apart(light.on(p.reference), p.frame));
        far.sum::<f32>() / pairs.len() as f32
    }

    #[test]
    fn brightness_and_warmth_are_found_again() {
        let truth = Light { exposure: -0.6, warmth: 0.3 };
        let found = fitted(&pairs(|c| truth.on(c)));
        assert!((found.exposure - truth.exposure).abs() < 0.03, "{found:?}");
        assert!((found.warmth - truth.warmth).abs() < 0.03, "{found:?}");
        assert!(left(&pairs(|c| truth.on(c))) < 0.7);
    }

    #[test]
    fn highlights_that_are_cut_off_do_not_mislead() {
        let truth = Light { exposure: 0.69, warmth: 0.0 };
        let found = fitted(&pairs(|c| truth.on(c)));
        assert!((found.exposure - truth.exposure).abs() < 0.05, "{found:?}");
    }

    #[test]
    fn no_light_explains_another_hue_or_one_that_faded() {
        assert!(left(&pairs(|[r, g, b]| [g, b, r])) > 15.0);
        let faded = |c: [f32; 3]| {
            let grey = 0.2 * c[0] + 0.7 * c[1] + 0.1 * c[2];
            c.map(|v| 0.5 * v + 0.5 * grey)
        };
        assert!(left(&pairs(faded)) > 5.0);
    }

    #[test]
    fn nothing_to_go_by_is_the_light_of_the_picture() {
        assert_eq!(fitted(&[]), Light::default());
    }
}
