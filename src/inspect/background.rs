//! What surrounds the subject, and how much of the frame the subject fills.
//!
//! A background is plain when most of the picture's border fits one slope of colour. What a flood
//! from there does not reach is the subject. On a busy background nobody can tell a subject by
//! colours alone, so nothing is said of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::raster::{Lab, apart, apart_squared};
use super::segment::{Part, border, flooded, parts};

/// What surrounds the subject.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Background {
    /// Transparent pixels.
    Transparent,
    /// One colour or a soft slope of colours; red, green and blue of its middle.
    Plain([u8; 3]),
    /// Anything else.
    Busy,
}

/// The subject before a plain background. Shares are of the frame, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// Share of the frame's area.
    pub area: f32,
    /// Left, top, right, bottom.
    pub bounds: [f32; 4],
    /// How much of the left, upper, right and lower edge it touches.
    pub touches: [f32; 4],
    /// How far its colours are from the background's, on the average (CIE76).
    pub contrast: f32,
}

impl Subject {
    /// The larger of its width and height, as a share of the frame's.
    pub fn extent(&self) -> f32 {
        let [left, top, right, bottom] = self.bounds;
        (right - left).max(bottom - top)
    }
}

/// Bars of one colour along two sides or all four, as shares of the frame's width and height.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bars {
    /// Left, upper, right and lower.
    pub sides: [f32; 4],
}

/// How far from the slope of colours a pixel may be and still belong to a plain background.
pub(super) const NEAR: f32 = 8.0;
/// A first fit of the slope forgives this much.
const FIRST_FIT: f32 = 22.0;
/// The part of the border that fits a plain background: a portrait is cut by one edge.
const PLAIN_BORDER: f32 = 0.7;
/// And the part of it that must hold at two opposite edges at least.
const PLAIN_SIDE: f32 = 0.6;
/// Inside a soft shadow colours change by less from pixel to pixel.
const SHADOW_STEP: f32 = 2.0;
/// A shadow is at most this much darker than its ground, and of about the same colour.
const SHADOW_DEPTH: f32 = 32.0;
const SHADOW_TINT: f32 = 5.0;
/// Parts with a smaller share of the largest part's area are not the subject.
const MAIN_PART: f32 = 0.05;
/// Less of the frame than this is no subject.
const LEAST_SUBJECT: f32 = 0.002;

/// A background as it was found, for measures that need its pixels.
pub(crate) struct Ground {
    /// Which pixels it has.
    pub mask: Vec<bool>,
    /// Which pixels the subject has; what is left belongs to neither.
    pub subject: Vec<bool>,
    slope: Slope,
}

impl Ground {
    /// How far a pixel is from the background's colour at its place.
    pub fn differs(&self, lab: &Lab, x: usize, y: usize) -> f32 {
        apart(lab.at(x, y), self.slope.at(x, y))
    }
}

/// Background, subject, and what measures of the pixels between them need.
pub(crate) struct Found {
    pub background: Background,
    pub subject: Option<Subject>,
    pub ground: Option<Ground>,
}

/// Looks for both. `transparent` tells which pixels are, where there are any; `colour` gives a
/// pixel's red, green and blue.
pub(crate) fn find(
    lab: &Lab,
    transparent: Option<&[bool]>,
    colour: impl Fn(usize, usize) -> [u8; 3],
) -> Found {
    let size = (lab.width, lab.height);
    let busy = Found { background: Background::Busy, subject: None, ground: None };
    if lab.width < 16 || lab.height < 16 {
        return busy;
    }
    if let Some(clear) = transparent.filter(|clear| is_surrounded(clear, size)) {
        let solid: Vec<bool> = clear.iter().map(|c| !c).collect();
        let (subject, _) = subject_of(lab, &solid, None);
        return Found { background: Background::Transparent, subject, ground: None };
    }
    let Some(slope) = Slope::of_border(lab) else { return busy };
    let mask = flooded(
        size,
        |at| slope.near(lab, at),
        |from, to| slope.near(lab, to) || slope.is_shade(lab, from, to),
    );
    let solid: Vec<bool> = mask.iter().map(|m| !m).collect();
    let (subject, its_pixels) = subject_of(lab, &solid, Some(&slope));
    let background = Background::Plain(typical(&mask, size, colour));
    Found { background, subject, ground: Some(Ground { mask, subject: its_pixels, slope }) }
}

/// Whether most of the border is transparent.
fn is_surrounded(clear: &[bool], (width, height): (usize, usize)) -> bool {
    let all = 2 * (width + height);
    let set = border(width, height).filter(|at| clear[*at]).count();
    set as f32 / all as f32 > 0.5
}

/// The median of the background's colours, channel by channel.
fn typical(
    mask: &[bool],
    (width, _): (usize, usize),
    colour: impl Fn(usize, usize) -> [u8; 3],
) -> [u8; 3] {
    let mut counts = [[0u32; 256]; 3];
    let inside = mask.iter().enumerate().filter(|(_, set)| **set);
    for (at, _) in inside {
        let here = colour(at % width, at / width);
        counts.iter_mut().zip(here).for_each(|(count, value)| count[usize::from(value)] += 1);
    }
    counts.map(|count| {
        let half = count.iter().sum::<u32>() / 2;
        let mut before = 0;
        let middle = count.iter().position(|n| {
            before += n;
            before > half
        });
        middle.map_or(0, |value| value as u8)
    })
}

/// The subject's parts together, without those that are too small for it, and which pixels it has.
fn subject_of(lab: &Lab, solid: &[bool], slope: Option<&Slope>) -> (Option<Subject>, Vec<bool>) {
    let (w, h) = (lab.width, lab.height);
    let (found, of) = parts(solid, (w, h));
    let largest = found.iter().map(|part| part.area).max().unwrap_or(0);
    if (largest as f32) < LEAST_SUBJECT * (w * h) as f32 {
        return (None, vec![false; w * h]);
    }
    let is_main = |part: &Part| part.area as f32 >= MAIN_PART * largest as f32;
    let mut bounds = [w, h, 0, 0];
    for part in found.iter().filter(|part| is_main(part)) {
        let [left, top, right, bottom] = part.bounds;
        bounds =
            [bounds[0].min(left), bounds[1].min(top), bounds[2].max(right), bounds[3].max(bottom)];
    }
    let main: Vec<bool> = found.iter().map(is_main).collect();
    let its: Vec<bool> = of.iter().map(|name| *name != 0 && main[*name as usize - 1]).collect();
    let inside = |at: usize| its[at];
    let (mut area, mut contrast) = (0u32, 0.0f64);
    for at in (0..w * h).filter(|at| inside(*at)) {
        area += 1;
        if let Some(slope) = slope {
            contrast += f64::from(apart(lab.values[at], slope.at(at % w, at / w)));
        }
    }
    let share = |at: &mut dyn Iterator<Item = usize>, n: usize| {
        at.filter(|at| inside(*at)).count() as f32 / n as f32
    };
    let touches = [
        share(&mut (0..h).map(|y| y * w), h),
        share(&mut (0..w), w),
        share(&mut (0..h).map(|y| y * w + w - 1), h),
        share(&mut (0..w).map(|x| (h - 1) * w + x), w),
    ];
    let sides = [w as f32, h as f32, w as f32, h as f32];
    let subject = Subject {
        area: area as f32 / (w * h) as f32,
        bounds: [0, 1, 2, 3].map(|i| bounds[i] as f32 / sides[i]),
        touches,
        contrast: if slope.is_some() { (contrast / f64::from(area)) as f32 } else { 100.0 },
    };
    (Some(subject), its)
}

/// A slope of colours over a picture: for each of L\*, a\* and b\* a value in the middle, and how
/// much it changes from side to side and from top to bottom.
struct Slope {
    size: [f32; 2],
    terms: [[f32; 3]; 3],
}

impl Slope {
    /// The slope that most of the border fits; `None` where none does.
    fn of_border(lab: &Lab) -> Option<Self> {
        let (w, h) = (lab.width, lab.height);
        // The second line: the outermost is often a scan's or a scaling's own.
        let edges: [Vec<(usize, usize)>; 4] = [
            (0..h).map(|y| (1, y)).collect(),
            (0..w).map(|x| (x, 1)).collect(),
            (0..h).map(|y| (w - 2, y)).collect(),
            (0..w).map(|x| (x, h - 2)).collect(),
        ];
        let all = || edges.iter().flatten().copied();
        let median = [0, 1, 2].map(|c| {
            let mut values: Vec<f32> = all().map(|(x, y)| lab.at(x, y)[c]).collect();
            let middle = values.len() / 2;
            *values.select_nth_unstable_by(middle, f32::total_cmp).1
        });
        let size = [w as f32, h as f32];
        let mut slope = Slope { size, terms: median.map(|m| [m, 0.0, 0.0]) };
        for tolerance in [FIRST_FIT, NEAR] {
            let fitting = all().filter(|(x, y)| slope.within(lab, *x, *y, tolerance));
            slope = Slope { size, terms: fit(lab, size, fitting)? };
        }
        let share = |edge: &[(usize, usize)]| {
            let near = edge.iter().filter(|(x, y)| slope.within(lab, *x, *y, NEAR)).count();
            near as f32 / edge.len() as f32
        };
        let shares = [0, 1, 2, 3].map(|i| share(&edges[i]));
        let opposite = (shares[0].min(shares[2])).max(shares[1].min(shares[3]));
        let plain = shares.iter().sum::<f32>() / 4.0 >= PLAIN_BORDER && opposite >= PLAIN_SIDE;
        plain.then_some(slope)
    }

    fn at(&self, x: usize, y: usize) -> [f32; 3] {
        let [u, v] = place(self.size, x, y);
        self.terms.map(|[middle, across, down]| middle + across * u + down * v)
    }

    fn within(&self, lab: &Lab, x: usize, y: usize, tolerance: f32) -> bool {
        apart_squared(lab.at(x, y), self.at(x, y)) < tolerance * tolerance
    }

    fn near(&self, lab: &Lab, at: usize) -> bool {
        self.within(lab, at % lab.width, at / lab.width, NEAR)
    }

    /// Whether the second pixel goes on where the first has the ground in shadow.
    fn is_shade(&self, lab: &Lab, from: usize, to: usize) -> bool {
        let (here, ground) = (lab.values[to], self.at(to % lab.width, to / lab.width));
        let darker = ground[0] - here[0];
        (0.0..SHADOW_DEPTH).contains(&darker)
            && (here[1] - ground[1]).abs() < SHADOW_TINT
            && (here[2] - ground[2]).abs() < SHADOW_TINT
            && apart_squared(lab.values[from], here) < SHADOW_STEP * SHADOW_STEP
    }
}

/// A place as seen from the middle, -1 to 1.
fn place([width, height]: [f32; 2], x: usize, y: usize) -> [f32; 2] {
    [2.0 * (x as f32 + 0.5) / width - 1.0, 2.0 * (y as f32 + 0.5) / height - 1.0]
}

/// The slope with the least squares; `None` where the samples don't decide it.
fn fit(
    lab: &Lab,
    size: [f32; 2],
    samples: impl Iterator<Item = (usize, usize)>,
) -> Option<[[f32; 3]; 3]> {
    let mut normal = [[0.0f64; 3]; 3];
    let mut right = [[0.0f64; 3]; 3];
    let mut count = 0;
    for (x, y) in samples {
        let [u, v] = place(size, x, y).map(f64::from);
        let basis = [1.0, u, v];
        for i in 0..3 {
            for j in 0..3 {
                normal[i][j] += basis[i] * basis[j];
            }
            for (c, sums) in right.iter_mut().enumerate() {
                sums[i] += basis[i] * f64::from(lab.at(x, y)[c]);
            }
        }
        count += 1;
    }
    if count < 16 {
        return None;
    }
    let inverse = inverse(&normal)?;
    Some(right.map(|sums| {
        inverse.map(|row| row.iter().zip(&sums).map(|(a, b)| a * b).sum::<f64>() as f32)
    }))
}

/// By cofactors; `None` for a matrix without an inverse.
fn inverse(m: &[[f64; 3]; 3]) -> Option<[[f64; 3]; 3]> {
    let minor = |i: usize, j: usize| {
        let (a, b) = ((i + 1) % 3, (i + 2) % 3);
        let (c, d) = ((j + 1) % 3, (j + 2) % 3);
        m[a][c] * m[b][d] - m[a][d] * m[b][c]
    };
    let whole: f64 = (0..3).map(|j| m[0][j] * minor(0, j)).sum();
    if whole.abs() < 1e-6 {
        return None;
    }
    Some([0, 1, 2].map(|i| [0, 1, 2].map(|j| minor(j, i) / whole)))
}

/// How much one line of pixels may vary within a bar, and bars from each other.
const BAR_EVEN: f32 = 3.0;
/// The picture beside a bar differs from it by more, along nearly all of it: a book before a white
/// ground leaves more of a margin;
const BAR_STEP: f32 = 8.0;
const BAR_ALONG: f32 = 0.95;
/// within so many lines.
const BAR_SOFT: usize = 7;
/// Thinner bars, as a share of the side, are a scan's edge.
const BAR_LEAST: f32 = 0.02;

/// Bars of one colour along opposite sides, where the picture between them fills its whole width
/// or height: a film's letterbox, or a shop's padding to a square.
pub(super) fn bars(lab: &Lab) -> Option<Bars> {
    let (w, h) = (lab.width, lab.height);
    if w < 16 || h < 16 {
        return None;
    }
    let left = bar(w, h, |deep, along| lab.at(deep, along));
    let above = bar(h, w, |deep, along| lab.at(along, deep));
    let right = bar(w, h, |deep, along| lab.at(w - 1 - deep, along));
    let below = bar(h, w, |deep, along| lab.at(along, h - 1 - deep));
    let pair = |a: &Option<([f32; 3], f32)>, b: &Option<([f32; 3], f32)>| match (a, b) {
        (Some((a, deep_a)), Some((b, deep_b))) if apart(*a, *b) < BAR_EVEN => [*deep_a, *deep_b],
        _ => [0.0; 2],
    };
    let ([left, right], [above, below]) = (pair(&left, &right), pair(&above, &below));
    (left > 0.0 || above > 0.0).then_some(Bars { sides: [left, above, right, below] })
}

/// The bar along one side: its colour, and its depth as a share.
fn bar(
    depth: usize,
    length: usize,
    at: impl Fn(usize, usize) -> [f32; 3],
) -> Option<([f32; 3], f32)> {
    let colour = at(0, length / 2);
    let even = |deep: usize| (0..length).all(|along| apart(at(deep, along), colour) < BAR_EVEN);
    let deep = (0..depth / 2).take_while(|deep| even(*deep)).count();
    if (deep as f32) < BAR_LEAST * depth as f32 || deep == depth / 2 {
        return None;
    }
    // Some lines beyond, since scaling and compression mix the first with the bar.
    let steps = |line: usize| {
        (0..length).filter(|along| apart(at(line, *along), colour) > BAR_STEP).count() as f32
    };
    let beyond = (deep + 1..deep + BAR_SOFT).filter(|line| *line < depth);
    beyond
        .map(steps)
        .any(|steps| steps >= BAR_ALONG * length as f32)
        .then_some((colour, deep as f32 / depth as f32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgba, RgbaImage};

    fn found(picture: &RgbaImage) -> Found {
        let lab = Lab::of(picture);
        find(&lab, None, |x, y| {
            let [r, g, b, _] = picture.get_pixel(x as u32, y as u32).0;
            [r, g, b]
        })
    }

    /// A disc with a soft shadow below it.
    fn disc(ground: [u8; 3], radius: f32) -> RgbaImage {
        RgbaImage::from_fn(200, 200, |x, y| {
            let (dx, dy) = (x as f32 - 99.5, y as f32 - 99.5);
            if (dx * dx + dy * dy).sqrt() < radius {
                return Rgba([170, 40, 50, 255]);
            }
            let far = (dx / 70.0).powi(2) + ((dy - radius) / 14.0).powi(2);
            let shade = 1.0 - 0.3 * (1.0 - far).max(0.0);
            let [r, g, b] = ground.map(|c| (f32::from(c) * shade) as u8);
            Rgba([r, g, b, 255])
        })
    }

    #[test]
    fn a_subject_before_a_plain_ground_is_found_with_its_share() {
        for ground in [[255, 255, 255], [228, 224, 216], [30, 32, 36]] {
            let found = found(&disc(ground, 50.0));
            assert_eq!(found.background, Background::Plain(ground));
            let subject = found.subject.expect("a disc");
            let share = std::f32::consts::PI * 50.0 * 50.0 / 40_000.0;
            assert!((subject.area - share).abs() < 0.02, "{subject:?}");
            assert!((subject.extent() - 0.5).abs() < 0.03, "{subject:?}");
            assert_eq!(subject.touches, [0.0; 4]);
        }
    }

    #[test]
    fn a_slope_of_light_is_plain_too() {
        let picture = RgbaImage::from_fn(200, 160, |x, y| {
            let light = 190 + (x / 8 + y / 10) as u8;
            let inside = x.abs_diff(100) < 30 && y.abs_diff(80) < 40;
            if inside { Rgba([40, 70, 110, 255]) } else { Rgba([light, light, light, 255]) }
        });
        let subject = found(&picture).subject.expect("a box");
        assert!((subject.area - 0.146).abs() < 0.01, "{subject:?}");
    }

    #[test]
    fn a_pattern_is_busy() {
        let picture = RgbaImage::from_fn(200, 200, |x, y| {
            Rgba([(x * 7 % 255) as u8, (y * 11 % 255) as u8, ((x * y) % 255) as u8, 255])
        });
        let found = found(&picture);
        assert_eq!((found.background, found.subject), (Background::Busy, None));
    }

    #[test]
    fn an_empty_ground_has_no_subject() {
        let found = found(&RgbaImage::from_pixel(120, 90, Rgba([240, 240, 238, 255])));
        assert!(matches!(found.background, Background::Plain(_)));
        assert_eq!(found.subject, None);
    }

    #[test]
    fn a_subject_cut_by_an_edge_touches_it() {
        let picture = RgbaImage::from_fn(200, 200, |x, y| {
            let inside = x > 120 && (60..140).contains(&y);
            if inside { Rgba([20, 90, 60, 255]) } else { Rgba([250, 250, 250, 255]) }
        });
        let [left, above, right, below] = found(&picture).subject.expect("a box").touches;
        assert!((right - 0.4).abs() < 0.02);
        assert_eq!([left, above, below], [0.0; 3]);
    }

    #[test]
    fn a_cut_out_brings_its_own_ground() {
        let clear: Vec<bool> = (0..10_000)
            .map(|i| !((25..75).contains(&(i % 100)) && (25..75).contains(&(i / 100))))
            .collect();
        let lab = Lab::of(&RgbaImage::from_pixel(100, 100, Rgba([255, 255, 255, 255])));
        let found = find(&lab, Some(&clear), |_, _| [255; 3]);
        assert_eq!(found.background, Background::Transparent);
        assert_eq!(found.subject.expect("a square").bounds, [0.25, 0.25, 0.75, 0.75]);
    }

    #[test]
    fn bars_are_found_and_a_studio_ground_is_none() {
        let busy =
            |x: u32, y: u32| Rgba([(x * 5 % 200) as u8 + 30, (y * 9 % 200) as u8 + 30, 90, 255]);
        let boxed = RgbaImage::from_fn(200, 200, |x, y| match y {
            0..30 | 170..200 => Rgba([0, 0, 0, 255]),
            _ => busy(x, y),
        });
        let [left, above, right, below] = bars(&Lab::of(&boxed)).expect("bars").sides;
        assert_eq!([left, right], [0.0; 2]);
        assert!((above - 0.15).abs() < 0.01 && (below - 0.15).abs() < 0.01);
        assert_eq!(bars(&Lab::of(&disc([255; 3], 50.0))), None);
        assert_eq!(bars(&Lab::of(&RgbaImage::from_fn(200, 200, busy))), None);
    }
}
