//! The picture that shows what a verdict rests on: each reference beside the clip's worst frame.
//!
//! What lives here: its layout, its words, its file. What never does: what is scored, and lines.
//!
//! It is to be judged in a second: the same thing twice side by side, as large as there is room; of
//! the frame only the neighbourhood of what was found, where that is small. What differs is told by
//! the kind of line as well as by its colour, and the colours are those that colour-blind people
//! tell apart.

use std::io::Write;
use std::path::Path;

use image::{Rgb, RgbImage, Rgba, RgbaImage};

use super::outline::{Ink, Pen, outline, stroke};
use crate::consistency::{Mark, PartName};
use crate::inspect::raster::stretched;
use crate::ledger::ClipVerdict;
use crate::media::lettering::{Lettering, one_line};

/// References on one picture.
pub(super) const MOST: usize = 3;
/// Below the workspace.
const FOLDER: &str = ".kinora/evidence";
/// Nobody sees more at this size.
const QUALITY: u8 = 84;

/// Pixels of the whole, at most.
const WIDTH: u32 = 1200;
const HEIGHT: u32 = 700;
const GAP: u32 = 10;
/// Of a caption, and of the key at the foot.
const CAPTION: u32 = 30;
const KEY: u32 = 26;
const TEXT: f32 = 16.0;
const SMALL: f32 = 14.0;
/// No picture is enlarged more.
const ENLARGED: f32 = 3.0;
/// What is left around what was found, as a share of its sides.
const AROUND: f32 = 0.2;

const PAPER: Ink = [250, 249, 247];
const INK: Ink = [28, 28, 30];
const QUIET: Ink = [104, 102, 98];
const WHITE: Ink = [255, 255, 255];
const BLACK: Ink = [0, 0, 0];
/// Vermilion, orange, bluish green and blue of the palette by Okabe and Ito, which colour-blind
/// people tell apart.
const VERMILION: Ink = [213, 94, 0];
const ORANGE: Ink = [230, 159, 0];
const GREEN: Ink = [0, 158, 115];
const BLUE: Ink = [0, 114, 178];
const GREY: Ink = [120, 120, 120];

/// A reference, and the frame in which it is worst.
#[derive(Debug, Clone)]
pub(super) struct Sight<'a> {
    pub verdict: ClipVerdict,
    pub score: u8,
    /// Name and role.
    pub name: String,
    /// What is wrong, in words.
    pub says: String,
    pub reference: &'a RgbImage,
    pub frame: &'a RgbImage,
    pub at_ms: u64,
    /// The region in which it was found, in pixels of the frame.
    pub corners: Option<[[f32; 2]; 4]>,
    pub marks: &'a [Mark],
}

/// Draws the worst of the sights, which come worst first.
pub(super) fn sheet(sights: &[Sight<'_>]) -> RgbImage {
    let sights = &sights[..sights.len().min(MOST)];
    let rows = (sights.len() as u32).max(1);
    let room = ((WIDTH - 3 * GAP) / 2, (HEIGHT - KEY - GAP) / rows - CAPTION - GAP);
    let drawn: Vec<(RgbaImage, RgbaImage)> =
        sights.iter().map(|sight| (fitted(sight.reference, room), shown(sight, room))).collect();
    let column = |of: fn(&(RgbaImage, RgbaImage)) -> u32| drawn.iter().map(of).max().unwrap_or(0);
    // Captions need some room even where pictures are narrow.
    let left = column(|pair| pair.0.width()).max(240);
    let right = column(|pair| pair.1.width()).max(400);
    let tall = |pair: &(RgbaImage, RgbaImage)| pair.0.height().max(pair.1.height());
    let height = GAP + KEY + drawn.iter().map(|pair| CAPTION + tall(pair) + GAP).sum::<u32>();
    let mut page = Page::new((left + right + 3 * GAP).min(WIDTH), height.min(HEIGHT));
    let (first, second) = (GAP, GAP + left + GAP);
    let mut top = GAP;
    for (sight, pair) in sights.iter().zip(&drawn) {
        page.caption(sight, (first, second), top, (left, right));
        top += CAPTION;
        page.put(&pair.0, (first + (left - pair.0.width()) / 2, top));
        page.put(&pair.1, (second + (right - pair.1.width()) / 2, top));
        top += tall(pair) + GAP;
    }
    page.key(top);
    page.done()
}

/// A picture as large as the room, enlarged a little only.
fn fitted(picture: &RgbImage, room: (u32, u32)) -> RgbaImage {
    let scale = scale_of(picture.dimensions(), room);
    let side = |n: u32, most: u32| ((n as f32 * scale).round() as u32).clamp(1, most);
    let size = (side(picture.width(), room.0), side(picture.height(), room.1));
    stretched(&opaque(picture), size.0, size.1)
}

fn scale_of((width, height): (u32, u32), room: (u32, u32)) -> f32 {
    let share = |n: u32, most: u32| most as f32 / n.max(1) as f32;
    share(width, room.0).min(share(height, room.1)).min(ENLARGED)
}

fn opaque(picture: &RgbImage) -> RgbaImage {
    RgbaImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [r, g, b] = picture.get_pixel(x, y).0;
        Rgba([r, g, b, 255])
    })
}

/// The frame around what was found, with what was found and what differs.
fn shown(sight: &Sight<'_>, room: (u32, u32)) -> RgbaImage {
    let [left, top, right, bottom] = window(sight);
    let part = RgbImage::from_fn(right - left, bottom - top, |x, y| {
        *sight.frame.get_pixel(left + x, top + y)
    });
    let mut drawn = fitted(&part, room);
    let scale =
        [drawn.width() as f32 / part.width() as f32, drawn.height() as f32 / part.height() as f32];
    let origin = [left as f32, top as f32];
    let at = |[x, y]: [f32; 2]| [(x - origin[0]) * scale[0], (y - origin[1]) * scale[1]];
    if let Some(corners) = sight.corners {
        let around = outline(&[corners.map(at)]);
        stroke(&mut drawn, &around, Pen { width: 5.0, ink: BLACK, dashed: false });
        stroke(&mut drawn, &around, Pen { width: 2.4, ink: WHITE, dashed: false });
    }
    for (ink, dashed) in [(VERMILION, false), (BLUE, true)] {
        let marks = sight.marks.iter().filter(|mark| (mark.part == PartName::Colour) == dashed);
        let squares: Vec<[[f32; 2]; 4]> = marks.map(|mark| mark.corners.map(at)).collect();
        let around = outline(&squares);
        stroke(&mut drawn, &around, Pen { width: 5.0, ink: WHITE, dashed: false });
        stroke(&mut drawn, &around, Pen { width: 3.0, ink, dashed });
    }
    drawn
}

/// Which part of the frame is shown: left, upper, right and lower edge. All of it, unless what was
/// found and some ground around it are a good deal less.
fn window(sight: &Sight<'_>) -> [u32; 4] {
    let (width, height) = sight.frame.dimensions();
    let whole = [0, 0, width, height];
    let Some(corners) = sight.corners else { return whole };
    let span = |axis: usize, side: u32| {
        let all = corners.iter().map(|corner| corner[axis]);
        let (low, high) = all.fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(v), h.max(v)));
        let (low, high) = (low.clamp(0.0, side as f32), high.clamp(0.0, side as f32));
        let around = ((high - low) * AROUND).max(side as f32 * 0.08);
        let low = (low - around).max(0.0).floor() as u32;
        let high = ((high + around).min(side as f32).ceil() as u32).max(low + 1);
        (low.min(side - 1), high.min(side))
    };
    if width == 0 || height == 0 || !corners.iter().flatten().all(|v| v.is_finite()) {
        return whole;
    }
    let (across, down) = (span(0, width), span(1, height));
    let shown = u64::from(across.1 - across.0) * u64::from(down.1 - down.0);
    let is_small = shown * 5 < u64::from(width) * u64::from(height) * 4;
    if is_small { [across.0, down.0, across.1, down.1] } else { whole }
}

/// The whole, and a layer of letters on it.
struct Page {
    picture: RgbaImage,
    letters: RgbaImage,
    lettering: Lettering,
}

impl Page {
    fn new(width: u32, height: u32) -> Self {
        let [r, g, b] = PAPER;
        Page {
            picture: RgbaImage::from_pixel(width, height, Rgba([r, g, b, 255])),
            letters: RgbaImage::new(width, height),
            lettering: Lettering::new(),
        }
    }

    fn put(&mut self, picture: &RgbaImage, (left, top): (u32, u32)) {
        image::imageops::replace(&mut self.picture, picture, i64::from(left), i64::from(top));
    }

    fn box_of(&mut self, (left, top): (u32, u32), (width, height): (u32, u32), ink: Ink) {
        let [r, g, b] = ink;
        for y in top..(top + height).min(self.picture.height()) {
            for x in left..(left + width).min(self.picture.width()) {
                self.picture.put_pixel(x, y, Rgba([r, g, b, 255]));
            }
        }
    }

    /// A line of letters no wider than its room; says where it ends.
    fn line(
        &mut self,
        text: &str,
        (left, foot): (u32, u32),
        room: u32,
        size: f32,
        ink: Ink,
    ) -> u32 {
        let text = self.lettering.fitted(&one_line(text, 400), room as f32, size);
        self.lettering.line(&text, left as f32, foot as f32, size, ink, &mut self.letters);
        left + self.lettering.width(&text, size).ceil() as u32
    }

    /// The verdict, and which reference it is; and what is to be seen in the frame.
    fn caption(
        &mut self,
        sight: &Sight<'_>,
        (first, second): (u32, u32),
        top: u32,
        (left, right): (u32, u32),
    ) {
        let (ground, ink, word) = match sight.verdict {
            ClipVerdict::Fail => (VERMILION, WHITE, "FAIL"),
            ClipVerdict::Review => (ORANGE, BLACK, "REVIEW"),
            ClipVerdict::Pass => (GREEN, WHITE, "PASS"),
            ClipVerdict::NotInspected => (GREY, WHITE, "?"),
        };
        let word = format!("{word} {}", sight.score);
        let wide = self.lettering.width(&word, SMALL).ceil() as u32 + 14;
        let foot = top + CAPTION - 11;
        self.box_of((first, top + 2), (wide, CAPTION - 8), ground);
        self.line(&word, (first + 7, foot - 1), wide, SMALL, ink);
        let after = first + wide + 8;
        let room = (first + left).saturating_sub(after);
        self.line(&sight.name, (after, foot), room, TEXT, INK);
        let found = if sight.corners.is_some() { "" } else { ", not found here" };
        let when = format!("at {:.1} s{found}", sight.at_ms as f64 / 1000.0);
        let end = self.line(&when, (second, foot), right, TEXT, INK) + 10;
        let room = (second + right).saturating_sub(end);
        self.line(&sight.says, (end, foot), room, SMALL, QUIET);
    }

    /// What the lines mean.
    fn key(&mut self, top: u32) {
        let foot = top + KEY - 9;
        let mut left = GAP;
        let right = self.picture.width();
        for (ink, dashed, words) in [
            (WHITE, false, "where it was found"),
            (VERMILION, false, "print or structure differs"),
            (BLUE, true, "colour differs"),
        ] {
            let middle = foot as f32 - 5.0;
            let line = [([left as f32, middle], [left as f32 + 34.0, middle])];
            let ground = if ink == WHITE { BLACK } else { PAPER };
            stroke(&mut self.picture, &line, Pen { width: 5.0, ink: ground, dashed: false });
            let width = if ink == WHITE { 2.4 } else { 3.0 };
            stroke(&mut self.picture, &line, Pen { width, ink, dashed });
            let room = right.saturating_sub(left + 42 + GAP);
            left = self.line(words, (left + 42, foot), room, SMALL, QUIET) + 22;
        }
    }

    fn done(self) -> RgbImage {
        let (width, height) = self.picture.dimensions();
        RgbImage::from_fn(width, height, |x, y| {
            let (under, over) = (self.picture.get_pixel(x, y).0, self.letters.get_pixel(x, y).0);
            let alpha = u32::from(over[3]);
            Rgb([0, 1, 2].map(|c| {
                let mixed = u32::from(over[c]) * alpha + u32::from(under[c]) * (255 - alpha);
                ((mixed + 127) / 255) as u8
            }))
        })
    }
}

/// Writes a picture below the workspace, whole or not at all; gives its path there.
///
/// # Errors
/// Why it can't be written.
pub(super) fn keep(workspace: &Path, name: &str, sheet: &RgbImage) -> Result<String, String> {
    let mut bytes = Vec::new();
    let side = |n: u32| u16::try_from(n).map_err(|e| e.to_string());
    let (width, height) = (side(sheet.width())?, side(sheet.height())?);
    jpeg_encoder::Encoder::new(&mut bytes, QUALITY)
        .encode(sheet.as_raw(), width, height, jpeg_encoder::ColorType::Rgb)
        .map_err(|e| e.to_string())?;
    let path = format!("{FOLDER}/{name}.jpg");
    let file = workspace.join(&path);
    // What is there already was made of the same.
    if std::fs::read(&file).is_ok_and(|there| there == bytes) {
        return Ok(path);
    }
    write(&file, &bytes).map_err(|e| e.to_string())?;
    Ok(path)
}

/// In the same folder first, so that the file appears whole; for others to read, as any file is.
fn write(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    let builder = {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666))
    };
    let mut whole = builder.prefix(".drawing-").tempfile_in(folder)?;
    whole.write_all(bytes)?;
    whole.persist(file).map_err(|e| e.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight<'a>(reference: &'a RgbImage, frame: &'a RgbImage, marks: &'a [Mark]) -> Sight<'a> {
        Sight {
            verdict: ClipVerdict::Fail,
            score: 41,
            name: "hero (identity)".to_owned(),
            says: "colour 41".to_owned(),
            reference,
            frame,
            at_ms: 3200,
            corners: Some([[40.0, 60.0], [90.0, 60.0], [90.0, 120.0], [40.0, 120.0]]),
            marks,
        }
    }

    #[test]
    fn whatever_the_shapes_are_it_is_no_larger_than_said() {
        let sizes = [(640, 360), (360, 640), (640, 640), (640, 20), (20, 640), (1, 1)];
        for reference in sizes {
            for frame in sizes {
                let (reference, frame) = (
                    RgbImage::from_pixel(reference.0, reference.1, Rgb([200, 30, 30])),
                    RgbImage::from_pixel(frame.0, frame.1, Rgb([30, 30, 200])),
                );
                for rows in 1..=4 {
                    let drawn = sheet(&vec![sight(&reference, &frame, &[]); rows]);
                    let (width, height) = drawn.dimensions();
                    assert!(width <= WIDTH && height <= HEIGHT, "{width}×{height}");
                }
            }
        }
    }

    #[test]
    fn broken_places_are_drawn_around() {
        let picture = RgbImage::from_pixel(64, 48, Rgb([90, 90, 90]));
        let odd = [[f32::NAN, 0.0], [1e30, 5.0], [-1e30, f32::INFINITY], [3.0, 3.0]];
        let marks = [Mark { corners: odd, part: PartName::Colour, weight: 1.0 }];
        let sights = [Sight { corners: Some(odd), ..sight(&picture, &picture, &marks) }];
        assert!(sheet(&sights).width() > 0);
    }

    #[test]
    fn the_same_gives_the_same_file_and_it_is_kept_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let picture = RgbImage::from_fn(64, 48, |x, y| Rgb([x as u8 * 3, y as u8 * 5, 90]));
        let drawn = sheet(&[sight(&picture, &picture, &[])]);
        let path = keep(folder.path(), "abc-kinora-1", &drawn).expect("it is written");
        assert_eq!(path, ".kinora/evidence/abc-kinora-1.jpg");
        let bytes = std::fs::read(folder.path().join(&path)).expect("it is there");
        assert_eq!(keep(folder.path(), "abc-kinora-1", &drawn), Ok(path.clone()));
        assert_eq!(std::fs::read(folder.path().join(&path)).expect("it is there"), bytes);
        let folder = folder.path().join(".kinora/evidence");
        assert_eq!(std::fs::read_dir(folder).expect("a folder").count(), 1);
    }
}
