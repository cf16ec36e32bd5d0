//! Contact sheets: the posters of all clips on a few pictures, with what they are, to be looked over.
//!
//! What lives here: the layout and the drawing. What never does: playing clips; that is the page of
//! `kinora report`. A job without a clip has its state in the place of a picture, so that gaps show.

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage, RgbaImage, imageops};
use rayon::prelude::*;

use super::book::{Job, Line};
use super::check::CheckBrief;
use super::clip::inside;
use super::notes::{Note, Notes};
use crate::ledger::JobState;
use crate::media::decode::{PictureLimits, decode};
use crate::media::frames::Decoding;
use crate::media::lettering::{Lettering, one_line, rectangle};

/// Tiles on a sheet.
const COLUMNS: u32 = 6;
const ROWS: u32 = 5;
/// Most sheets; the page of `kinora report` shows as many clips.
pub(super) const MOST_SHEETS: usize = 60;

/// Pixels: a tile's picture, the space between tiles, the lines below a picture, the head.
const PICTURE: u32 = 248;
const GAP: u32 = 16;
const CAPTION: u32 = 56;
const HEAD: u32 = 64;
const MARGIN: u32 = 24;

const GROUND: [u8; 3] = [246, 246, 244];
const BEHIND: [u8; 3] = [228, 228, 224];
const INK: [u8; 3] = [28, 28, 30];
const QUIET: [u8; 3] = [104, 104, 108];
const ALARM: [u8; 3] = [172, 52, 36];

/// A job as it is on a sheet.
struct Tile {
    title: String,
    detail: String,
    state: String,
    wants_a_look: bool,
    /// The clip, and the poster beside it.
    files: Option<(PathBuf, PathBuf)>,
}

/// The tiles of all sheets, gathered line by line.
#[derive(Default)]
pub(super) struct Sheets {
    tiles: Vec<Tile>,
    /// Who decodes clips that have no poster beside them; absent: nobody.
    decoding: Option<Decoding>,
    /// Jobs that no sheet has room for.
    pub left_out: u64,
}

impl Sheets {
    /// None yet. Clips that have no poster beside them are decoded so, if at all.
    pub fn new(decoding: Option<Decoding>) -> Self {
        Sheets { decoding, ..Sheets::default() }
    }

    /// Adds a job that has begun.
    pub fn add(&mut self, workspace: &Path, line: &Line, job: &Job) {
        let Some(state) = job.state else { return };
        if self.tiles.len() == MOST_SHEETS * (COLUMNS * ROWS) as usize {
            self.left_out += 1;
            return;
        }
        let title = match line.id.is_empty() {
            true => job.shot.clone(),
            false => line.id.clone(),
        };
        let take = (job.take > 1).then(|| format!("take {}", job.take));
        let shot = (!line.id.is_empty()).then(|| job.shot.clone());
        let detail = shot.into_iter().chain(job.variant.clone()).chain(take);
        let whole = job.clip.as_ref().filter(|clip| clip.is_whole());
        let file = whole.and_then(|clip| inside(workspace, &clip.record.path));
        let is_gone = state == JobState::Done && file.is_none();
        let change = job.change.filter(|change| !matches!(*change, "done" | "in_flight"));
        let word = job.word.as_ref().map(|word| word.verdict);
        // A person's word comes before a score.
        let fails = word.is_none() && job.check.as_ref().is_some_and(CheckBrief::wants_a_look);
        let judged = match (word, &job.check) {
            (Some(word), _) => Some(word.as_str().to_owned()),
            (None, Some(check)) => Some(check.short()),
            (None, None) => None,
        };
        let state_said = match (is_gone, change) {
            (true, _) => "its file is gone".to_owned(),
            _ if state == JobState::Done && judged.is_some() => judged.unwrap_or_default(),
            (_, Some(change)) if state == JobState::Done => change.to_owned(),
            _ if state == JobState::Done => job.model.clone(),
            _ => state.as_str().to_owned(),
        };
        self.tiles.push(Tile {
            title,
            detail: detail.collect::<Vec<_>>().join(" · "),
            state: state_said,
            wants_a_look: is_gone || fails || job.is_rejected() || state != JobState::Done,
            files: file.map(|clip| (clip.with_extension("jpg"), clip)),
        });
    }

    /// How many sheets there are.
    pub fn len(&self) -> usize {
        self.tiles.len().div_ceil((COLUMNS * ROWS) as usize)
    }

    /// How many jobs are on a sheet.
    pub fn tiles_on(&self, number: usize) -> u64 {
        let on_one = (COLUMNS * ROWS) as usize;
        self.tiles.len().saturating_sub(number * on_one).min(on_one) as u64
    }

    /// Draws a sheet, as PNG.
    pub fn draw(&self, number: usize, name: &str, notes: &mut Notes) -> Result<Vec<u8>, String> {
        let on_one = (COLUMNS * ROWS) as usize;
        let tiles: Vec<&Tile> = self.tiles.iter().skip(number * on_one).take(on_one).collect();
        let posters: Vec<Option<RgbImage>> =
            tiles.par_iter().map(|tile| tile.poster(self.decoding.as_ref())).collect();
        for (tile, poster) in tiles.iter().zip(&posters) {
            if tile.files.is_some() && poster.is_none() {
                notes.add(Note::Poster, || tile.title.clone());
            }
        }
        let rows = u32::try_from(tiles.len()).unwrap_or(u32::MAX).div_ceil(COLUMNS).max(1);
        let width = 2 * MARGIN + COLUMNS * PICTURE + (COLUMNS - 1) * GAP;
        let height = 2 * MARGIN + HEAD + rows * (PICTURE + CAPTION) + (rows - 1) * GAP;
        let mut sheet = RgbImage::from_pixel(width, height, Rgb(GROUND));
        let mut ink = RgbaImage::new(width, height);
        let letters = Lettering::new();
        let sheets = self.len();
        let pages = if sheets > 1 { format!("{} of {sheets}", number + 1) } else { String::new() };
        let head = letters.fitted(&one_line(name, 200), (width - 2 * MARGIN) as f32 * 0.8, 28.0);
        letters.line(&head, MARGIN as f32, (MARGIN + 30) as f32, 28.0, INK, &mut ink);
        let right = (width - MARGIN) as f32 - letters.width(&pages, 20.0);
        letters.line(&pages, right, (MARGIN + 30) as f32, 20.0, QUIET, &mut ink);
        for (at, (tile, poster)) in (0..).zip(tiles.iter().zip(posters)) {
            let x = MARGIN + at % COLUMNS * (PICTURE + GAP);
            let y = MARGIN + HEAD + at / COLUMNS * (PICTURE + CAPTION + GAP);
            tile.draw(poster, (x, y), &letters, &mut sheet, &mut ink);
        }
        lay_over(&mut sheet, &ink);
        let mut png = Vec::new();
        let encoder = image::codecs::png::PngEncoder::new(&mut png);
        sheet.write_with_encoder(encoder).map_err(|e| e.to_string())?;
        Ok(png)
    }
}

impl Tile {
    /// A picture of the clip that fits the tile: the one beside it, or else one that is made.
    fn poster(&self, decoding: Option<&Decoding>) -> Option<RgbImage> {
        let (beside, file) = self.files.as_ref()?;
        let limits = PictureLimits::default();
        let beside = crate::media::decode::load(beside, &limits).ok();
        let made = || decode(&decoding?.poster(file).ok()?, &limits).ok();
        let image = beside.or_else(made)?.image;
        let scale = f64::from(PICTURE) / f64::from(image.width().max(image.height()).max(1));
        // Rounded and at least 1, so the cast from a small positive number is exact.
        let side = |n: u32| ((f64::from(n) * scale).round() as u32).clamp(1, PICTURE);
        let (width, height) = (side(image.width()), side(image.height()));
        let small = imageops::thumbnail(&image, width, height);
        Some(image::DynamicImage::ImageRgba8(small).into_rgb8())
    }

    fn draw(
        &self,
        poster: Option<RgbImage>,
        (x, y): (u32, u32),
        letters: &Lettering,
        sheet: &mut RgbImage,
        ink: &mut RgbaImage,
    ) {
        for row in y..y + PICTURE {
            for column in x..x + PICTURE {
                sheet.put_pixel(column, row, Rgb(BEHIND));
            }
        }
        let (left, top, wide) = (x as f32, y as f32, PICTURE as f32);
        let colour = if self.wants_a_look { ALARM } else { QUIET };
        match poster {
            Some(poster) => {
                let (dx, dy) = ((PICTURE - poster.width()) / 2, (PICTURE - poster.height()) / 2);
                imageops::replace(sheet, &poster, i64::from(x + dx), i64::from(y + dy));
            }
            None => {
                let state = letters.fitted(&self.state, wide - 24.0, 26.0);
                let middle = left + (wide - letters.width(&state, 26.0)) / 2.0;
                letters.line(&state, middle, top + wide / 2.0 + 8.0, 26.0, colour, ink);
            }
        }
        if self.wants_a_look {
            rectangle(ink, left, top + wide - 4.0, wide, 4.0, ALARM);
        }
        let title = letters.fitted(&one_line(&self.title, 300), wide, 19.0);
        letters.line(&title, left, top + wide + 20.0, 19.0, INK, ink);
        let detail = letters.fitted(&one_line(&self.detail, 300), wide, 15.0);
        letters.line(&detail, left, top + wide + 38.0, 15.0, QUIET, ink);
        let state = letters.fitted(&one_line(&self.state, 300), wide, 15.0);
        letters.line(&state, left, top + wide + 54.0, 15.0, colour, ink);
    }
}

/// Lays a layer with alpha over an opaque picture of the same size.
fn lay_over(sheet: &mut RgbImage, ink: &RgbaImage) {
    for (below, above) in sheet.pixels_mut().zip(ink.pixels()) {
        let [r, g, b, alpha] = above.0;
        if alpha > 0 {
            let alpha = u16::from(alpha);
            let mix = |under: u8, over: u8| {
                // At most 255 again, since both are.
                ((u16::from(over) * alpha + u16::from(under) * (255 - alpha) + 127) / 255) as u8
            };
            let [under_r, under_g, under_b] = below.0;
            *below = Rgb([mix(under_r, r), mix(under_g, g), mix(under_b, b)]);
        }
    }
}
