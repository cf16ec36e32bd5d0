//! How sharp a picture is.
//!
//! Two measures, since each is fooled where the other is not. The variance of the Laplacian
//! (Pertuz et al. 2013 compare it with thirty others) falls with blur, and also where there is
//! little to see: a white cup on white has little of it, however sharp. The width of edges (from
//! how much an edge loses by a known blur, Zhuo and Sim 2011) doesn't care what is shown, but needs
//! edges. A picture is blurred when both say so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::raster::Plane;

/// How sharp a picture is, at a longer side of at most 1024 pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sharpness {
    /// Variance of the Laplacian of light (0 to 255).
    pub laplacian: f32,
    /// How wide the sharpest tenth of the strong edges is, in pixels (standard deviation of the
    /// blur); absent where there are too few edges to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<f32>,
}

/// Fewer strong edges say nothing.
const EDGES: usize = 64;

/// A step of light from pixel to pixel below this is noise, whatever else there is.
const LEAST_STEP: f32 = 3.0;

/// And below this part of the strongest steps, it is detail or compression rather than an edge.
const PART_OF_STRONGEST: f32 = 0.2;

/// The part of the edges that must be sharp: a lens blurs the background on purpose.
const SHARPEST: f32 = 0.1;

/// A wider edge than this is measured as this.
const WIDEST: f32 = 16.0;

/// The blur against which edges are held: a Gaussian with a standard deviation of 1 pixel.
const KERNEL: [f32; 7] =
    [0.004_433, 0.054_006, 0.242_036, 0.399_05, 0.242_036, 0.054_006, 0.004_433];

/// Measures light.
pub(super) fn sharpness(luma: &Plane) -> Sharpness {
    Sharpness { laplacian: laplacian(luma), edge: edge(luma) }
}

/// Variance of the four-neighbour Laplacian.
fn laplacian(luma: &Plane) -> f32 {
    let (w, h) = (luma.width, luma.height);
    if w < 3 || h < 3 {
        return 0.0;
    }
    let (mut sum, mut squares) = (0.0f64, 0.0f64);
    for y in 1..h - 1 {
        let (above, here, below) = (luma.row(y - 1), luma.row(y), luma.row(y + 1));
        let (mut line, mut line_squares) = (0.0f32, 0.0f32);
        for x in 1..w - 1 {
            let value = above[x] + below[x] + here[x - 1] + here[x + 1] - 4.0 * here[x];
            line += value;
            line_squares += value * value;
        }
        sum += f64::from(line);
        squares += f64::from(line_squares);
    }
    let n = ((w - 2) * (h - 2)) as f64;
    (squares / n - (sum / n) * (sum / n)) as f32
}

fn edge(luma: &Plane) -> Option<f32> {
    let (w, h) = (luma.width, luma.height);
    if w < 16 || h < 16 {
        return None;
    }
    let steps = gradient(luma);
    let blurred = gradient(&luma.convolved(&KERNEL));
    let strongest =
        quantile(steps.values.iter().copied().filter(|v| *v > LEAST_STEP).collect(), 0.99)?;
    let least = LEAST_STEP.max(strongest * PART_OF_STRONGEST);
    let mut widths = Vec::new();
    for y in 3..h - 3 {
        let row = steps.row(y);
        for x in 3..w - 3 {
            let step = row[x];
            // The crest of an edge: beside it, across or along, are no stronger steps.
            let across = step >= row[x - 1] && step > row[x + 1];
            let down = step >= steps.row(y - 1)[x] && step > steps.row(y + 1)[x];
            if step >= least && (across || down) {
                let ratio = step / blurred.row(y)[x].max(1e-3);
                let width = if ratio > 1.0 { 1.0 / (ratio * ratio - 1.0).sqrt() } else { WIDEST };
                widths.push(width.min(WIDEST));
            }
        }
    }
    if widths.len() < EDGES {
        return None;
    }
    quantile(widths, SHARPEST)
}

/// How much light changes from pixel to pixel, by central differences.
fn gradient(luma: &Plane) -> Plane {
    let (w, h) = (luma.width, luma.height);
    let mut values = vec![0.0; w * h];
    for y in 1..h - 1 {
        let (above, here, below) = (luma.row(y - 1), luma.row(y), luma.row(y + 1));
        let out = &mut values[y * w..(y + 1) * w];
        for x in 1..w - 1 {
            let (dx, dy) = (here[x + 1] - here[x - 1], below[x] - above[x]);
            out[x] = 0.5 * (dx * dx + dy * dy).sqrt();
        }
    }
    Plane::new(w, h, values)
}

fn quantile(mut values: Vec<f32>, part: f32) -> Option<f32> {
    if values.is_empty() {
        return None;
    }
    let at = ((values.len() - 1) as f32 * part) as usize;
    let (_, value, _) = values.select_nth_unstable_by(at, f32::total_cmp);
    Some(*value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Boxes of several greys, blurred by a Gaussian of a standard deviation.
    fn boxes(sigma: f32) -> Plane {
        let (w, h) = (320, 240);
        let values = (0..w * h)
            .map(|i| {
                let (x, y) = (i % w, i / w);
                [40.0, 200.0, 90.0, 160.0, 60.0][(x / 37 + y / 41 * 2) % 5]
            })
            .collect();
        let plane = Plane::new(w, h, values);
        if sigma == 0.0 {
            return plane;
        }
        let reach = (sigma * 4.0).ceil() as i32;
        let kernel: Vec<f32> =
            (-reach..=reach).map(|i| (-0.5 * (i as f32 / sigma).powi(2)).exp()).collect();
        let sum: f32 = kernel.iter().sum();
        plane.convolved(&kernel.iter().map(|k| k / sum).collect::<Vec<f32>>())
    }

    #[test]
    fn the_width_of_edges_is_the_blur_that_was_put_on_them() {
        for sigma in [1.5, 3.0, 5.0] {
            let edge = sharpness(&boxes(sigma)).edge.expect("there are edges");
            assert!((edge - sigma).abs() < 0.2 * sigma + 0.2, "{edge} for {sigma}");
        }
        assert!(sharpness(&boxes(0.0)).edge.expect("edges") < 1.0);
    }

    #[test]
    fn blur_takes_the_laplacian_away() {
        let of = |sigma| sharpness(&boxes(sigma)).laplacian;
        assert!(of(0.0) > of(1.0) && of(1.0) > 4.0 * of(2.0) && of(4.0) < 5.0);
    }

    #[test]
    fn where_nothing_is_to_be_seen_nothing_is_said_of_edges() {
        let slope = Plane::new(200, 200, (0..40_000).map(|i| (i % 200) as f32 * 0.5).collect());
        let found = sharpness(&slope);
        assert_eq!(found.edge, None);
        assert!(found.laplacian < 0.01);
        assert_eq!(sharpness(&Plane::new(2, 2, vec![0.0; 4])).edge, None);
    }
}
