//! The contact sheet: pictures with what is said of them, to be looked at.
//!
//! What lives here: drawing. What never does: which pictures are on it, and in which order.

use image::{Rgba, RgbaImage};

use super::lettering::{Ink, Lettering, blend};
use super::raster::reduced;
use crate::diagnostic::Severity;

/// One picture on a sheet.
#[derive(Debug, Clone)]
pub struct SheetPicture {
    /// The picture itself, of any size, best as `Thumbnails` gives it; absent where it can't be read.
    pub image: Option<RgbaImage>,
    /// Its path.
    pub path: String,
    /// Its figures, in a line.
    pub figures: String,
    /// What is said of it, worst first.
    pub labels: Vec<(Severity, String)>,
    /// Parts of it that are framed: left, top, right, bottom, as shares of its sides.
    pub frames: Vec<[f32; 4]>,
    /// The part of it that a crop keeps; the rest is shaded.
    pub crop: Option<[f32; 4]>,
}

const COLUMNS: usize = 4;
const CELL: u32 = 300;
/// Longer side of a picture in its cell.
pub(super) const PICTURE: u32 = CELL - 2;
const GAP: u32 = 24;
const MARGIN: u32 = 36;
const HEAD: u32 = 96;

const PAPER: Ink = [250, 249, 247];
const CARD: Ink = [255, 255, 255];
const CHECKS: [Ink; 2] = [[255, 255, 255], [228, 228, 228]];
const INK: Ink = [28, 28, 30];
const QUIET: Ink = [110, 108, 104];
const EDGE: Ink = [222, 219, 214];
const FRAME: Ink = [0, 150, 255];

/// Heights of lettering, and from line to line.
const TITLE: f32 = 30.0;
const NOTE: f32 = 17.0;
const PATH: f32 = 15.5;
const SMALL: f32 = 13.5;
const LABEL: f32 = 15.0;
const LINE: u32 = 20;
/// White around the words of a card.
const INSET: u32 = 12;

/// Labels of one picture.
const LABELS: usize = 5;

fn colour(severity: Severity) -> Ink {
    match severity {
        Severity::Error => [196, 38, 38],
        Severity::Warning => [196, 116, 0],
        Severity::Advice => [62, 104, 150],
    }
}

/// A line of words under a picture.
struct Said {
    text: String,
    /// The colour of the mark before it, where it begins a label.
    mark: Option<Ink>,
}

/// Draws a sheet.
pub fn contact_sheet(title: &str, note: &str, pictures: &[SheetPicture]) -> RgbaImage {
    let width = 2 * MARGIN + COLUMNS as u32 * CELL + (COLUMNS as u32 - 1) * GAP;
    // The font is part of the program; a test reads it.
    let Some(lettering) = Lettering::new() else { return RgbaImage::new(width, 1) };
    let said: Vec<Vec<Said>> = pictures.iter().map(|p| lines_of(&lettering, p)).collect();
    let heights: Vec<u32> = said
        .chunks(COLUMNS)
        .map(|row| row.iter().map(|lines| card_height(lines.len())).max().unwrap_or(0))
        .collect();
    let height =
        MARGIN + HEAD + heights.iter().map(|h| h + GAP).sum::<u32>() + MARGIN - GAP.min(MARGIN);
    let mut sheet = RgbaImage::from_pixel(width, height, rgba(PAPER));
    let room = (width - 2 * MARGIN) as f32;
    let left = MARGIN as f32;
    let title = lettering.fitted(title, TITLE, room);
    lettering.line(&mut sheet, &title, (left, MARGIN as f32 + 30.0), TITLE, INK);
    let note = lettering.fitted(note, NOTE, room);
    lettering.line(&mut sheet, &note, (left, MARGIN as f32 + 60.0), NOTE, QUIET);
    let mut y = MARGIN + HEAD;
    for ((row, lines), height) in pictures.chunks(COLUMNS).zip(said.chunks(COLUMNS)).zip(&heights) {
        for (column, (picture, lines)) in (0u32..).zip(row.iter().zip(lines)) {
            let x = MARGIN + column * (CELL + GAP);
            card(&mut sheet, &lettering, picture, lines, (x, y), *height);
        }
        y += height + GAP;
    }
    sheet
}

fn card_height(lines: usize) -> u32 {
    CELL + 2 * LINE + 10 + u32::try_from(lines).unwrap_or(0) * LINE + INSET
}

fn lines_of(lettering: &Lettering, picture: &SheetPicture) -> Vec<Said> {
    let room = (CELL - 2 * INSET - 14) as f32;
    let mut said = Vec::new();
    for (severity, text) in picture.labels.iter().take(LABELS) {
        let lines = lettering.wrapped(text, LABEL, room);
        for (i, text) in lines.into_iter().enumerate() {
            said.push(Said { text, mark: (i == 0).then(|| colour(*severity)) });
        }
    }
    let more = picture.labels.len().saturating_sub(LABELS);
    if more > 0 {
        said.push(Said { text: format!("and {more} more"), mark: None });
    }
    said
}

fn card(
    sheet: &mut RgbaImage,
    lettering: &Lettering,
    picture: &SheetPicture,
    lines: &[Said],
    (x, y): (u32, u32),
    height: u32,
) {
    fill(sheet, (x, y), (CELL, height), CARD);
    outline(sheet, (x, y), (CELL, height), EDGE);
    show(sheet, lettering, picture, (x, y));
    fill(sheet, (x, y + CELL), (CELL, 1), EDGE);
    if let Some((severity, _)) = picture.labels.first() {
        fill(sheet, (x, y), (CELL, 5), colour(*severity));
    }
    let (left, room) = ((x + INSET) as f32, (CELL - 2 * INSET) as f32);
    let path = lettering.fitted(&picture.path, PATH, room);
    let mut foot = (y + CELL + LINE + 4) as f32;
    lettering.line(sheet, &path, (left, foot), PATH, INK);
    foot += LINE as f32;
    let figures = lettering.fitted(&picture.figures, SMALL, room);
    lettering.line(sheet, &figures, (left, foot), SMALL, QUIET);
    foot += 5.0;
    for line in lines {
        foot += LINE as f32;
        if let Some(ink) = line.mark {
            fill(sheet, (x + INSET, (foot - 9.0) as u32), (7, 7), ink);
        }
        lettering.line(sheet, &line.text, (left + 14.0, foot), LABEL, INK);
    }
}

/// The picture in the middle of its square, with what is framed on it.
fn show(sheet: &mut RgbaImage, lettering: &Lettering, picture: &SheetPicture, (x, y): (u32, u32)) {
    let Some(image) = &picture.image else {
        fill(sheet, (x + 1, y + 1), (CELL - 2, CELL - 1), [240, 238, 235]);
        let text = "can't be shown";
        let left = x as f32 + (CELL as f32 - lettering.width(text, NOTE)) / 2.0;
        lettering.line(sheet, text, (left, (y + CELL / 2) as f32), NOTE, QUIET);
        return;
    };
    let small = reduced(image, PICTURE);
    let (w, h) = small.dimensions();
    fill(sheet, (x + 1, y + 1), (CELL - 2, CELL - 1), [240, 238, 235]);
    let (left, top) = (x + (CELL - w) / 2, y + (CELL - h) / 2);
    for (px, py, pixel) in small.enumerate_pixels() {
        let check = CHECKS[((px / 10 + py / 10) % 2) as usize];
        let [r, g, b, alpha] = pixel.0;
        sheet.put_pixel(left + px, top + py, rgba(check));
        blend(sheet, left + px, top + py, [r, g, b], f32::from(alpha) / 255.0);
    }
    let inside = |[l, t, r, b]: [f32; 4]| {
        let at = |share: f32, side: u32| (share.clamp(0.0, 1.0) * side as f32).round() as u32;
        [at(l, w), at(t, h), at(r, w), at(b, h)]
    };
    if let Some(crop) = picture.crop.map(inside) {
        for (px, py) in (0..h).flat_map(|py| (0..w).map(move |px| (px, py))) {
            if px < crop[0] || px >= crop[2] || py < crop[1] || py >= crop[3] {
                blend(sheet, left + px, top + py, [20, 20, 24], 0.62);
            }
        }
    }
    for [l, t, r, b] in picture.frames.iter().copied().map(inside) {
        let size = (r.saturating_sub(l).max(3), b.saturating_sub(t).max(3));
        outline(sheet, (left + l, top + t), size, FRAME);
        // A second line, so that it is seen on any picture.
        if size.0 > 4 && size.1 > 4 {
            outline(sheet, (left + l + 1, top + t + 1), (size.0 - 2, size.1 - 2), CARD);
        }
    }
}

fn rgba([r, g, b]: Ink) -> Rgba<u8> {
    Rgba([r, g, b, 255])
}

fn fill(on: &mut RgbaImage, (x, y): (u32, u32), (w, h): (u32, u32), ink: Ink) {
    for py in y..(y + h).min(on.height()) {
        for px in x..(x + w).min(on.width()) {
            on.put_pixel(px, py, rgba(ink));
        }
    }
}

fn outline(on: &mut RgbaImage, (x, y): (u32, u32), (w, h): (u32, u32), ink: Ink) {
    fill(on, (x, y), (w, 1), ink);
    fill(on, (x, y + h - 1), (w, 1), ink);
    fill(on, (x, y), (1, h), ink);
    fill(on, (x + w - 1, y), (1, h), ink);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(labels: usize) -> SheetPicture {
        SheetPicture {
            image: Some(RgbaImage::from_pixel(80, 40, Rgba([200, 10, 10, 255]))),
            path: "images/a.jpg".to_owned(),
            figures: "80×40 jpeg".to_owned(),
            labels: (0..labels).map(|i| (Severity::Warning, format!("label {i}"))).collect(),
            frames: vec![[0.25, 0.25, 0.75, 0.75]],
            crop: Some([0.2, 0.0, 0.8, 1.0]),
        }
    }

    #[test]
    fn a_sheet_grows_with_its_rows_and_shows_every_picture() {
        let one = contact_sheet("shop", "1 picture", &[picture(1)]);
        let five = contact_sheet("shop", "5 pictures", &vec![picture(1); 5]);
        assert_eq!(one.width(), five.width());
        assert!(five.height() > one.height() + CELL);
        let reds = |sheet: &RgbaImage| sheet.pixels().filter(|p| p.0 == [200, 10, 10, 255]).count();
        assert_eq!(reds(&five), 5 * reds(&one));
        assert!(reds(&one) > 500);
    }

    #[test]
    fn what_cannot_be_read_and_what_is_odd_is_drawn_all_the_same() {
        let gone = SheetPicture { image: None, frames: vec![[0.9, 0.9, 0.1, 2.0]], ..picture(9) };
        let thin = SheetPicture { image: Some(RgbaImage::new(1, 3000)), ..gone.clone() };
        let sheet = contact_sheet("", "", &[gone, thin]);
        assert!(sheet.height() > CELL);
        assert!(contact_sheet("none", "", &[]).height() > 0);
    }
}
