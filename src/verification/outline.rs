//! Lines on pictures: around squares, of any width, whole or dashed.
//!
//! What never lives here: what is outlined, and why.

use std::collections::BTreeMap;

use image::RgbaImage;

/// Red, green, blue.
pub(super) type Ink = [u8; 3];
/// From where to where, in pixels.
pub(super) type Line = ([f32; 2], [f32; 2]);

/// Pixels of a dash and of the gap after it.
const DASH: f32 = 6.0;
const SPACE: f32 = 4.0;
/// No line goes further out of the picture.
const FAR: f32 = 20_000.0;

/// How a line is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pen {
    pub width: f32,
    pub ink: Ink,
    pub dashed: bool,
}

/// The lines around squares; what two squares have in common is inside, and not drawn.
pub(super) fn outline(squares: &[[[f32; 2]; 4]]) -> Vec<Line> {
    // By quarters of a pixel, so that the same corner of two squares is the same.
    let key = |[x, y]: [f32; 2]| ((x * 4.0).round() as i64, (y * 4.0).round() as i64);
    let mut edges: BTreeMap<_, (u32, Line)> = BTreeMap::new();
    for square in squares.iter().filter(|square| square.iter().flatten().all(|v| v.is_finite())) {
        for at in 0..4 {
            let (a, b) = (square[at], square[(at + 1) % 4]);
            let both = if key(a) <= key(b) { (key(a), key(b)) } else { (key(b), key(a)) };
            edges.entry(both).or_insert((0, (a, b))).0 += 1;
        }
    }
    edges.into_values().filter(|(count, _)| *count == 1).map(|(_, line)| line).collect()
}

/// Draws lines.
pub(super) fn stroke(on: &mut RgbaImage, lines: &[Line], pen: Pen) {
    for line in lines {
        let (a, b) = line;
        if a.iter().chain(b).all(|v| v.abs() < FAR) {
            one(on, *line, pen);
        }
    }
}

fn one(on: &mut RgbaImage, ([ax, ay], [bx, by]): Line, pen: Pen) {
    let reach = pen.width / 2.0 + 1.0;
    let (dx, dy) = (bx - ax, by - ay);
    let length = dx.hypot(dy);
    let range = |a: f32, b: f32, side: u32| {
        let low = (a.min(b) - reach).floor().clamp(0.0, side as f32) as u32;
        let high = (a.max(b) + reach).ceil().clamp(0.0, side as f32) as u32;
        low..high
    };
    for y in range(ay, by, on.height()) {
        for x in range(ax, bx, on.width()) {
            let (px, py) = (x as f32 + 0.5 - ax, y as f32 + 0.5 - ay);
            let along = if length > 0.0 { (px * dx + py * dy) / length } else { 0.0 };
            let along = along.clamp(0.0, length);
            if pen.dashed && along.rem_euclid(DASH + SPACE) > DASH {
                continue;
            }
            let share = if length > 0.0 { along / length } else { 0.0 };
            let away = (px - dx * share).hypot(py - dy * share);
            let cover = (pen.width / 2.0 + 0.5 - away).clamp(0.0, 1.0);
            if cover > 0.0 {
                let pixel = on.get_pixel_mut(x, y);
                for (channel, ink) in pixel.0.iter_mut().zip(pen.ink) {
                    let own = f32::from(*channel);
                    *channel = (own + (f32::from(ink) - own) * cover).round() as u8;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(x: f32, y: f32) -> [[f32; 2]; 4] {
        [[x, y], [x + 8.0, y], [x + 8.0, y + 8.0], [x, y + 8.0]]
    }

    #[test]
    fn neighbours_are_outlined_as_one() {
        assert_eq!(outline(&[square(0.0, 0.0)]).len(), 4);
        assert_eq!(outline(&[square(0.0, 0.0), square(8.0, 0.0)]).len(), 6);
        assert_eq!(outline(&[square(0.0, 0.0), square(30.0, 0.0)]).len(), 8);
        let block: Vec<_> =
            (0..9u8).map(|n| square(f32::from(n % 3) * 8.0, f32::from(n / 3) * 8.0)).collect();
        assert_eq!(outline(&block).len(), 12);
    }

    #[test]
    fn a_line_is_where_it_should_be_and_a_dashed_one_has_gaps() {
        let drawn = |dashed| {
            let mut page = RgbaImage::from_pixel(60, 20, image::Rgba([255; 4]));
            let pen = Pen { width: 3.0, ink: [0, 0, 0], dashed };
            stroke(&mut page, &[([4.0, 10.5], [56.0, 10.5])], pen);
            (4..56).filter(|x| page.get_pixel(*x, 10).0[0] == 0).count()
        };
        assert_eq!(drawn(false), 52);
        assert!((25..40).contains(&drawn(true)), "{}", drawn(true));
    }

    #[test]
    fn lines_from_far_away_cost_nothing() {
        let mut page = RgbaImage::from_pixel(8, 8, image::Rgba([255; 4]));
        let pen = Pen { width: 3.0, ink: [0, 0, 0], dashed: false };
        stroke(&mut page, &[([-1e9, 0.0], [1e9, 4.0]), ([0.0, 0.0], [0.0, 0.0])], pen);
        assert_eq!(page.get_pixel(7, 7).0, [255; 4]);
    }
}
