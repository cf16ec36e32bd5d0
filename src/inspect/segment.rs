//! Which pixels of a picture belong together.
//!
//! What lives here: flooding from the border, parts that hang together. What never does: what a
//! part is.

/// A part whose pixels hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    /// Pixels.
    pub area: usize,
    /// Left, top, right, bottom in pixels; the last two exclusive.
    pub bounds: [usize; 4],
}

impl Part {
    pub fn width(&self) -> usize {
        self.bounds[2] - self.bounds[0]
    }

    pub fn height(&self) -> usize {
        self.bounds[3] - self.bounds[1]
    }

    /// Twice its middle, so that it is a whole number.
    pub fn twice_middle(&self) -> (usize, usize) {
        (self.bounds[0] + self.bounds[2], self.bounds[1] + self.bounds[3])
    }
}

/// The pixel's neighbours at its four sides.
fn sides(at: usize, width: usize, height: usize) -> [Option<usize>; 4] {
    let (x, y) = (at % width, at / width);
    [
        (x > 0).then(|| at - 1),
        (x + 1 < width).then(|| at + 1),
        (y > 0).then(|| at - width),
        (y + 1 < height).then(|| at + width),
    ]
}

/// Pixels on the outermost line of a picture.
pub(crate) fn border(width: usize, height: usize) -> impl Iterator<Item = usize> {
    let rows = (0..width).flat_map(move |x| [x, (height - 1) * width + x]);
    rows.chain((0..height).flat_map(move |y| [y * width, y * width + width - 1]))
}

/// The pixels that a flood from the border reaches: it starts at those that `start` takes, and goes
/// from one to its neighbour where `step` lets it.
pub(crate) fn flooded(
    (width, height): (usize, usize),
    start: impl Fn(usize) -> bool,
    step: impl Fn(usize, usize) -> bool,
) -> Vec<bool> {
    let mut reached = vec![false; width * height];
    let mut open = Vec::new();
    for at in border(width, height) {
        if !reached[at] && start(at) {
            reached[at] = true;
            open.push(at);
        }
    }
    while let Some(at) = open.pop() {
        for next in sides(at, width, height).into_iter().flatten() {
            if !reached[next] && step(at, next) {
                reached[next] = true;
                open.push(next);
            }
        }
    }
    reached
}

/// The parts that set pixels make, corners touching; in the order of their first pixels. For each
/// pixel the number of its part, from 1; 0 where it is not set.
pub(crate) fn parts(set: &[bool], (width, height): (usize, usize)) -> (Vec<Part>, Vec<u32>) {
    let mut of = vec![0u32; set.len()];
    let mut found = Vec::new();
    let mut open = Vec::new();
    for start in 0..set.len() {
        if !set[start] || of[start] != 0 {
            continue;
        }
        let name = u32::try_from(found.len() + 1).unwrap_or(u32::MAX);
        let (x, y) = (start % width, start / width);
        let mut part = Part { area: 0, bounds: [x, y, x + 1, y + 1] };
        of[start] = name;
        open.push(start);
        while let Some(at) = open.pop() {
            let (x, y) = (at % width, at / width);
            part.area += 1;
            let [left, top, right, bottom] = part.bounds;
            part.bounds = [left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1)];
            for ny in y.saturating_sub(1)..=(y + 1).min(height - 1) {
                for nx in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                    let next = ny * width + nx;
                    if set[next] && of[next] == 0 {
                        of[next] = name;
                        open.push(next);
                    }
                }
            }
        }
        found.push(part);
    }
    (found, of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(lines: &[&str]) -> (Vec<bool>, (usize, usize)) {
        let set = lines.iter().flat_map(|line| line.bytes().map(|b| b == b'#')).collect();
        (set, (lines[0].len(), lines.len()))
    }

    #[test]
    fn parts_hang_together_by_corners_too() {
        let (set, size) = drawn(&["##...", "..#..", ".....", "...##"]);
        let (found, of) = parts(&set, size);
        assert_eq!(
            found,
            [Part { area: 3, bounds: [0, 0, 3, 2] }, Part { area: 2, bounds: [3, 3, 5, 4] }]
        );
        assert_eq!((of[7], of[18], of[3]), (1, 2, 0));
    }

    #[test]
    fn a_flood_comes_from_the_border_and_stops_at_a_wall() {
        let (wall, size) = drawn(&["......", ".####.", ".#..#.", ".####.", "......"]);
        let reached = flooded(size, |at| !wall[at], |_, next| !wall[next]);
        assert!(reached[0] && reached[29]);
        assert!(!reached[2 * 6 + 2], "the inside is not reached");
    }
}
