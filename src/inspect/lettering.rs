//! Words on a picture.

use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont, point};
use image::RgbaImage;

/// Inter Medium, a subset; its licence lies beside it.
const FONT: &[u8] = include_bytes!("../../assets/fonts/Inter-Medium-subset.otf");

/// A colour of lettering: red, green, blue.
pub(super) type Ink = [u8; 3];

/// Sets lines of words.
pub(super) struct Lettering {
    font: FontRef<'static>,
}

impl Lettering {
    /// `None` where the font can't be read, which a test rules out.
    pub fn new() -> Option<Self> {
        FontRef::try_from_slice(FONT).ok().map(|font| Lettering { font })
    }

    /// How wide a line is.
    pub fn width(&self, text: &str, height: f32) -> f32 {
        let mut width = 0.0;
        self.walk(text, height, |_, _, advanced| width = advanced);
        width
    }

    /// Draws a line with its foot at `baseline`.
    pub fn line(
        &self,
        on: &mut RgbaImage,
        text: &str,
        (left, baseline): (f32, f32),
        height: f32,
        ink: Ink,
    ) {
        self.walk(text, height, |id, x, _| {
            let glyph = id.with_scale_and_position(height, point(left + x, baseline));
            let Some(outline) = self.font.outline_glyph(glyph) else { return };
            let bounds = outline.px_bounds();
            outline.draw(|dx, dy, cover| {
                let (px, py) = (bounds.min.x + dx as f32, bounds.min.y + dy as f32);
                if px >= 0.0 && py >= 0.0 {
                    blend(on, px as u32, py as u32, ink, cover);
                }
            });
        });
    }

    /// The line, or its beginning and end with dots between, so that it is no wider than `room`: of
    /// a path both the folder and the name tell something.
    pub fn fitted(&self, text: &str, height: f32, room: f32) -> String {
        if self.width(text, height) <= room {
            return text.to_owned();
        }
        let chars: Vec<char> = text.chars().collect();
        for kept in (2..chars.len()).rev() {
            let head = kept * 2 / 5;
            let parts = [&chars[..head], &['.', '.', '.'], &chars[chars.len() - (kept - head)..]];
            let cut: String = parts.concat().into_iter().collect();
            if self.width(&cut, height) <= room {
                return cut;
            }
        }
        String::new()
    }

    /// Text in lines no wider than `room`; a word that is wider is cut.
    pub fn wrapped(&self, text: &str, height: f32, room: f32) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            let longer = lines.last().map(|line| format!("{line} {word}"));
            match longer.filter(|line| self.width(line, height) <= room) {
                Some(line) => drop(lines.pop().map(|_| lines.push(line))),
                None => lines.push(self.fitted(word, height, room)),
            }
        }
        lines
    }

    /// Gives each glyph with its left end, and where the line ends after it.
    fn walk(&self, text: &str, height: f32, mut each: impl FnMut(GlyphId, f32, f32)) {
        let font = self.font.as_scaled(PxScale::from(height));
        let (mut x, mut last) = (0.0, None);
        for c in text.chars() {
            let mut id = font.glyph_id(c);
            if id.0 == 0 {
                // What the font lacks.
                id = font.glyph_id('?');
            }
            x += last.map_or(0.0, |last| font.kern(last, id));
            let after = x + font.h_advance(id);
            each(id, x, after);
            (x, last) = (after, Some(id));
        }
    }
}

/// Lays a colour over a pixel; nothing outside the picture.
pub(super) fn blend(on: &mut RgbaImage, x: u32, y: u32, ink: Ink, cover: f32) {
    let Some(pixel) = on.get_pixel_mut_checked(x, y) else { return };
    for (channel, colour) in pixel.0.iter_mut().zip(ink) {
        let (own, new) = (f32::from(*channel), f32::from(colour));
        *channel = (own + (new - own) * cover.clamp(0.0, 1.0)).round() as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_cut_in_its_middle_and_fits() {
        let lettering = Lettering::new().expect("the font is whole");
        let path = "images/summer/products/very-long-name-of-a-thing/front-left.jpg";
        let cut = lettering.fitted(path, 14.0, 200.0);
        assert!(cut.starts_with("images/") && cut.ends_with(".jpg") && cut.contains("..."));
        assert!(lettering.width(&cut, 14.0) <= 200.0);
        assert_eq!(lettering.fitted("a.jpg", 14.0, 200.0), "a.jpg");
    }

    #[test]
    fn words_are_drawn_and_wrapped() {
        let lettering = Lettering::new().expect("the font is whole");
        let mut page = RgbaImage::from_pixel(120, 40, image::Rgba([255; 4]));
        lettering.line(&mut page, "blurred", (4.0, 24.0), 20.0, [0, 0, 0]);
        assert!(page.pixels().any(|p| p.0[0] < 60), "ink on paper");
        let lines = lettering.wrapped("the crop cuts the subject of it", 14.0, 90.0);
        assert!(lines.len() > 1 && lines.iter().all(|l| lettering.width(l, 14.0) <= 90.0));
    }
}
