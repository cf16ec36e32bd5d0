//! The colour of a plain background, by place.
//!
//! What lives here: fitting a smooth surface to a picture's border and to what a flood found.
//! What never does: the subject.

use image::RgbaImage;

/// How far from the surface a border pixel may be and still count as background.
const TOLERANCE: f32 = 13.0;

/// A smooth colour over a picture: a surface of second degree for each channel, in
/// coordinates from -1 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Ground {
    width: f32,
    height: f32,
    terms: [[f32; TERMS]; 3],
}

const TERMS: usize = 6;

impl Ground {
    /// The same colour everywhere.
    pub fn flat(colour: [f32; 3]) -> Self {
        Ground { width: 1.0, height: 1.0, terms: colour.map(|c| [c, 0.0, 0.0, 0.0, 0.0, 0.0]) }
    }

    /// The background that a picture's border shows, if it is plain: nearly all of its upper
    /// edge and most of its sides fit one slope of colour. The lower edge may belong to the
    /// subject, as in a portrait.
    pub fn of_border(image: &RgbaImage) -> Option<Self> {
        let sides = border(image);
        let upper: Vec<Sample> = sides[..3].iter().flatten().copied().collect();
        let (w, h) = (image.width() as f32, image.height() as f32);
        let median = [0, 1, 2].map(|c| {
            let mut values: Vec<u8> = upper.iter().map(|s| s.colour[c]).collect();
            values.sort_unstable();
            f32::from(values[values.len() / 2])
        });
        let mut ground = Ground { width: w, height: h, ..Ground::flat(median) };
        // Two rounds: the first forgives a gradient, the second holds to it.
        for tolerance in [42.0, TOLERANCE] {
            let fitting = sides.iter().flatten().filter(|s| ground.fits(s, tolerance));
            ground.terms = fit(fitting.copied(), 3, (w, h))?;
        }
        let share = |side: &[Sample]| {
            side.iter().filter(|s| ground.fits(s, TOLERANCE)).count() as f32
                / side.len().max(1) as f32
        };
        let [above, left, right, below] = [0, 1, 2, 3].map(|i| share(&sides[i]));
        let plain = above > 0.93
            && left > 0.6
            && right > 0.6
            && (below > 0.1 || left.min(right) > 0.75)
            && (above + left + right + below) / 4.0 > 0.66;
        plain.then_some(ground)
    }

    /// The surface through every pixel that a flood found to be background and that is not in
    /// shadow.
    pub fn refined(&self, image: &RgbaImage, outside: &[bool]) -> Self {
        let (w, h) = (image.width(), image.height());
        let step = ((w.max(h) / 128).max(1)) as usize;
        let samples = (0..h).step_by(step).flat_map(|y| (0..w).step_by(step).map(move |x| (x, y)));
        let found = samples
            .filter(|(x, y)| outside[(y * w + x) as usize])
            .map(|(x, y)| Sample::of(image, x, y))
            .filter(|s| self.fits(s, TOLERANCE));
        let terms = fit(found, TERMS, (self.width, self.height)).unwrap_or(self.terms);
        let refined = Ground { terms, ..self.clone() };
        // A surface of second degree can run away where nothing was seen; the plainer one holds
        // then.
        let strays = [(0.5, 0.5), (0.5, 0.75), (0.5, 0.98), (0.02, 0.98), (0.98, 0.98)].iter().any(
            |(x, y)| {
                let (x, y) = ((w as f32 * x) as usize, (h as f32 * y) as usize);
                let (a, b) = (refined.at(x, y), self.at(x, y));
                (0..3).any(|c| (a[c] - b[c]).abs() > 16.0)
            },
        );
        if strays { self.clone() } else { refined }
    }

    /// The colour at a pixel.
    pub fn at(&self, x: usize, y: usize) -> [f32; 3] {
        let basis = basis(x as f32, y as f32, (self.width, self.height));
        self.terms.map(|terms| {
            terms.iter().zip(&basis).map(|(t, b)| t * b).sum::<f32>().clamp(0.0, 255.0)
        })
    }

    /// The colour in the picture's middle height, left to right the mean.
    pub fn mean(&self) -> [f32; 3] {
        let (w, h) = (self.width as usize, self.height as usize);
        let places = [(w / 8, h / 3), (w - w / 8, h / 3), (w / 2, h / 8), (w / 2, h / 2)];
        let mut sum = [0.0; 3];
        for (x, y) in places {
            for (s, c) in sum.iter_mut().zip(self.at(x, y)) {
                *s += c / places.len() as f32;
            }
        }
        sum
    }

    fn fits(&self, sample: &Sample, tolerance: f32) -> bool {
        let here = self.at(sample.x as usize, sample.y as usize);
        (0..3).all(|c| (f32::from(sample.colour[c]) - here[c]).abs() < tolerance)
    }
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    x: u32,
    y: u32,
    colour: [u8; 3],
}

impl Sample {
    fn of(image: &RgbaImage, x: u32, y: u32) -> Self {
        let [r, g, b, _] = image.get_pixel(x, y).0;
        Sample { x, y, colour: [r, g, b] }
    }
}

/// Pixels along the upper, left, right and lower edge, a few deep.
fn border(image: &RgbaImage) -> [Vec<Sample>; 4] {
    let (w, h) = image.dimensions();
    let deep = (w.min(h) / 80).clamp(1, 12);
    let step = (w.max(h) / 400).max(1) as usize;
    let at = |x: u32, y: u32| Sample::of(image, x, y);
    let along = |n: u32| (0..n).step_by(step);
    let layers = [0, deep / 2, deep - 1];
    [
        along(w).flat_map(|x| layers.map(|d| at(x, d))).collect(),
        along(h).flat_map(|y| layers.map(|d| at(d, y))).collect(),
        along(h).flat_map(|y| layers.map(|d| at(w - 1 - d, y))).collect(),
        along(w).flat_map(|x| layers.map(|d| at(x, h - 1 - d))).collect(),
    ]
}

fn basis(x: f32, y: f32, (width, height): (f32, f32)) -> [f32; TERMS] {
    let x = 2.0 * x / width.max(1.0) - 1.0;
    let y = 2.0 * y / height.max(1.0) - 1.0;
    [1.0, x, y, x * x, y * y, x * y]
}

/// Least squares with the first `terms` of the basis; nothing when the samples don't decide it.
fn fit(
    samples: impl Iterator<Item = Sample>,
    terms: usize,
    size: (f32, f32),
) -> Option<[[f32; TERMS]; 3]> {
    let mut normal = [[0.0f64; TERMS]; TERMS];
    let mut right = [[0.0f64; TERMS]; 3];
    let mut count = 0;
    for sample in samples {
        let basis = basis(sample.x as f32, sample.y as f32, size);
        for i in 0..terms {
            for j in 0..terms {
                normal[i][j] += f64::from(basis[i] * basis[j]);
            }
            for (c, sums) in right.iter_mut().enumerate() {
                sums[i] += f64::from(basis[i]) * f64::from(sample.colour[c]);
            }
        }
        count += 1;
    }
    if count < 40 {
        return None;
    }
    let mut found = [[0.0; TERMS]; 3];
    for (c, sums) in right.iter().enumerate() {
        let solved = solve(normal, *sums, terms)?;
        found[c] = solved.map(|v| v as f32);
    }
    Some(found)
}

/// Gauss with pivots.
fn solve(
    mut matrix: [[f64; TERMS]; TERMS],
    mut right: [f64; TERMS],
    n: usize,
) -> Option<[f64; TERMS]> {
    for column in 0..n {
        let pivot = (column..n)
            .max_by(|a, b| matrix[*a][column].abs().total_cmp(&matrix[*b][column].abs()))?;
        if matrix[pivot][column].abs() < 1e-6 {
            return None;
        }
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        for row in column + 1..n {
            let factor = matrix[row][column] / matrix[column][column];
            let above = matrix[column];
            for (value, above) in matrix[row].iter_mut().zip(above).take(n).skip(column) {
                *value -= factor * above;
            }
            right[row] -= factor * right[column];
        }
    }
    let mut out = [0.0; TERMS];
    for row in (0..n).rev() {
        let rest: f64 = (row + 1..n).map(|k| matrix[row][k] * out[k]).sum();
        out[row] = (right[row] - rest) / matrix[row][row];
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gradient_is_plain_and_found_again() {
        let image = RgbaImage::from_fn(200, 150, |x, y| {
            image::Rgba([200 + (x / 10) as u8, 210, 240 - (y / 10) as u8, 255])
        });
        let ground = Ground::of_border(&image).expect("plain");
        let here = ground.at(100, 75);
        assert!((here[0] - 210.0).abs() < 2.0 && (here[2] - 233.0).abs() < 2.0, "{here:?}");
    }

    #[test]
    fn stripes_are_not_plain() {
        let image = RgbaImage::from_fn(200, 150, |x, _| {
            let v = if (x / 10) % 2 == 0 { 40 } else { 220 };
            image::Rgba([v, v, v, 255])
        });
        assert!(Ground::of_border(&image).is_none());
    }
}
