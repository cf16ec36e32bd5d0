//! Letters on pictures: lines of text in the program's own font.
//!
//! What lives here: measuring and drawing one line on a transparent layer. What never does: what is
//! written, and where. Characters that the font lacks are drawn as small boxes; nothing that a text
//! contains can stop it.

use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont, point};
use image::{Rgba, RgbaImage};

/// Inter Medium, a subset; its licence lies beside it.
const FONT: &[u8] = include_bytes!("../../assets/fonts/Inter-Medium-subset.otf");

/// The font, ready to be drawn with.
pub struct Lettering {
    /// Absent only if the program's own file were damaged; then nothing is drawn.
    font: Option<FontRef<'static>>,
}

impl Default for Lettering {
    fn default() -> Self {
        Self::new()
    }
}

impl Lettering {
    /// Reads the font.
    pub fn new() -> Self {
        // The font is part of the program; a test reads it.
        Lettering { font: FontRef::try_from_slice(FONT).ok() }
    }

    /// How wide a line is, in pixels, in type of this height.
    pub fn width(&self, text: &str, height: f32) -> f32 {
        let Some(all) = &self.font else { return 0.0 };
        let font = all.as_scaled(PxScale::from(height));
        let mut last = None;
        let mut width = 0.0;
        for c in text.chars() {
            let id = font.glyph_id(c);
            width += advance(all, id, height) + kern(&font, last, id);
            last = Some(id);
        }
        width
    }

    /// As much of a line as fits.
    pub fn cut(&self, text: &str, width: f32, height: f32) -> String {
        let mut kept = text.to_owned();
        while self.width(&kept, height) > width && kept.pop().is_some() {}
        kept
    }

    /// A line that fits: where it would be too wide, its middle is left out, since ids differ at
    /// their ends.
    pub fn fitted(&self, text: &str, width: f32, height: f32) -> String {
        if self.width(text, height) <= width {
            return text.to_owned();
        }
        let characters: Vec<char> = text.chars().collect();
        for kept in (2..characters.len()).rev() {
            let (head, tail) = (kept.div_ceil(2), kept / 2);
            let start = characters[..head].iter();
            let end = characters[characters.len() - tail..].iter();
            let line: String = start.chain(&['…']).chain(end).collect();
            if self.width(&line, height) <= width {
                return line;
            }
        }
        self.cut("…", width, height)
    }

    /// Draws a line on a transparent layer.
    pub fn line(
        &self,
        text: &str,
        left: f32,
        baseline: f32,
        height: f32,
        colour: [u8; 3],
        target: &mut RgbaImage,
    ) {
        let Some(all) = &self.font else { return };
        let font = all.as_scaled(PxScale::from(height));
        let mut x = left;
        let mut last = None;
        for c in text.chars() {
            let id = font.glyph_id(c);
            x += kern(&font, last, id);
            if id.0 == 0 {
                missing(target, x, baseline, height, colour);
            } else if let Some(outline) =
                all.outline_glyph(id.with_scale_and_position(height, point(x, baseline)))
            {
                let bounds = outline.px_bounds();
                outline.draw(|dx, dy, cover| {
                    let (px, py) = (bounds.min.x + dx as f32, bounds.min.y + dy as f32);
                    cover_pixel(target, px, py, cover, colour);
                });
            }
            x += advance(all, id, height);
            last = Some(id);
        }
    }
}

/// The text in one line, without what can't be seen, and not longer than `most` characters.
pub fn one_line(text: &str, most: usize) -> String {
    let clean: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(|c| !joins(*c)).collect();
    let mut words = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() > most {
        words = words.chars().take(most).collect::<String>().trim_end().to_owned() + "…";
    }
    words
}

/// Fills a rectangle on a transparent layer; its edges may lie between pixels.
pub fn rectangle(target: &mut RgbaImage, x: f32, y: f32, w: f32, h: f32, colour: [u8; 3]) {
    let covered = |low: f32, high: f32, at: f32| (high.min(at + 1.0) - low.max(at)).clamp(0.0, 1.0);
    for py in y.floor() as i64..(y + h).ceil() as i64 {
        for px in x.floor() as i64..(x + w).ceil() as i64 {
            let (fx, fy) = (px as f32, py as f32);
            cover_pixel(target, fx, fy, covered(x, x + w, fx) * covered(y, y + h, fy), colour);
        }
    }
}

fn advance(font: &FontRef<'_>, id: GlyphId, height: f32) -> f32 {
    if id.0 == 0 { height * 0.62 } else { font.as_scaled(PxScale::from(height)).h_advance(id) }
}

fn kern<F: Font, S: ScaleFont<F>>(font: &S, last: Option<GlyphId>, id: GlyphId) -> f32 {
    last.map_or(0.0, |last| font.kern(last, id))
}

/// What stands for a character that the font lacks: a thin box.
fn missing(target: &mut RgbaImage, x: f32, baseline: f32, height: f32, colour: [u8; 3]) {
    let (w, h, pen) = (height * 0.44, height * 0.56, (height * 0.045).max(1.0));
    let (left, top) = (x + height * 0.07, baseline - h);
    rectangle(target, left, top, w, pen, colour);
    rectangle(target, left, baseline - pen, w, pen, colour);
    rectangle(target, left, top, pen, h, colour);
    rectangle(target, left + w - pen, top, pen, h, colour);
}

fn cover_pixel(target: &mut RgbaImage, x: f32, y: f32, cover: f32, colour: [u8; 3]) {
    let inside = x >= 0.0 && y >= 0.0 && x < target.width() as f32 && y < target.height() as f32;
    if !inside {
        return;
    }
    let pixel = target.get_pixel_mut(x as u32, y as u32);
    let alpha = (cover.clamp(0.0, 1.0) * 255.0).round() as u8;
    let [r, g, b] = colour;
    *pixel = Rgba([r, g, b, pixel.0[3].max(alpha)]);
}

/// Characters that only change how others are shown: joiners, variation selectors, marks of
/// direction, combining accents.
fn joins(c: char) -> bool {
    matches!(
        u32::from(c),
        0x300..=0x36F | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0xFE00..=0xFE0F
            | 0xFEFF | 0x1F3FB..=0x1F3FF | 0xE0000..=0xE01EF
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_is_readable_and_has_the_promised_scripts() {
        let font = FontRef::try_from_slice(FONT).expect("the font is part of the program");
        for c in "Aéßőąñ Ωάλ Жїя … – “” € ₽".chars().filter(|c| !c.is_whitespace())
        {
            assert_ne!(font.glyph_id(c).0, 0, "{c}");
        }
    }

    #[test]
    fn a_line_that_does_not_fit_keeps_both_its_ends() {
        let letters = Lettering::new();
        let id = "products.a-very-long-handle-of-a-mug-in-terracotta-0a1b2c";
        let fitted = letters.fitted(id, 150.0, 12.0);
        assert!(letters.width(&fitted, 12.0) <= 150.0);
        assert!(fitted.starts_with("products") && fitted.ends_with("0a1b2c"), "{fitted}");
        assert_eq!(letters.fitted("mug", 150.0, 12.0), "mug");
        for width in [0.0, 1.0, 5.0, 9.0] {
            assert!(letters.width(&letters.fitted(id, width, 12.0), 12.0) <= width);
        }
    }
}
