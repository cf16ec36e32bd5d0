//! The pictures that clips are made of: as they are, and with labels drawn onto them.
//!
//! What lives here: reading folders, halving them into what is trained on and what is reported.
//! What never does: clips.

use std::path::{Path, PathBuf};

use fastrand::Rng;
use image::{GrayImage, RgbImage};
use rayon::prelude::*;

use crate::label::{Design, laid};
use crate::subject::{Rect, Sums, bounds, eroded, fineness, finest, mask, touches};

/// Longer side to which pictures are reduced.
const SIDE: u32 = 1000;

/// A label that was drawn, so that every line of it is known.
#[derive(Debug, Clone)]
pub struct Label {
    pub design: Design,
    /// The picture before the label was laid onto it.
    pub bare: RgbImage,
}

/// A picture that clips are made of, and what is known of it.
#[derive(Debug, Clone)]
pub struct Item {
    pub name: String,
    /// Pictures of one product are in one group.
    pub group: String,
    pub picture: RgbImage,
    /// The subject before a plain ground.
    pub mask: Option<GrayImage>,
    /// The box around the subject; the picture, where there is no mask.
    pub subject: Rect,
    /// Whether the camera may go back until ground is seen all around.
    pub free: bool,
    /// Where the label is, or the finest structure.
    pub region: Rect,
    /// How fine that is; units of L*.
    pub fine: f32,
    pub label: Option<Label>,
    /// Mean chroma of the subject.
    pub chroma: f32,
}

impl Item {
    pub fn inside(&self, x: u32, y: u32) -> bool {
        self.mask.as_ref().is_none_or(|m| m.get_pixel(x, y).0[0] > 127)
    }

    fn new(name: String, group: String, picture: RgbImage) -> Item {
        let mask = mask(&picture);
        let whole = Rect { x: 0.0, y: 0.0, w: picture.width() as f32, h: picture.height() as f32 };
        let subject = mask.as_ref().map_or(whole, bounds);
        let free = mask.as_ref().is_some_and(|m| touches(m) < 0.02);
        let (region, fine) = finest(&picture, mask.as_ref(), &subject);
        let mut item = Item {
            name,
            group,
            picture,
            mask,
            subject,
            free,
            region,
            fine,
            label: None,
            chroma: 0.0,
        };
        item.chroma = item.mean_chroma();
        item
    }

    fn mean_chroma(&self) -> f32 {
        let mut sum = (0.0, 0.0f32);
        for (x, y, p) in self.picture.enumerate_pixels() {
            if self.inside(x, y) {
                let [_, a, b] = crate::raster::lab(p.0);
                sum = (sum.0 + a.hypot(b), sum.1 + 1.0);
            }
        }
        sum.0 / sum.1.max(1.0)
    }

    /// The same with a label, where there is a plain place for one.
    fn labelled(&self, seed: u64) -> Option<Item> {
        let mut rng = Rng::with_seed(seed);
        let mask = self.mask.as_ref()?;
        let (w, h) = (self.picture.width() as usize, self.picture.height() as usize);
        let inner = Sums::of(&eroded(mask, w.max(h) as f32 / 120.0), w, h);
        let fine = Sums::of(&fineness(&self.picture), w, h);
        let shape = if rng.bool() { 1.7 } else { 1.1 };
        let place = [0.6, 0.5, 0.42, 0.35, 0.28].iter().find_map(|share| {
            let rw = self.subject.w.min(self.subject.h * 1.2) * share;
            let (rw, rh) = (rw.round(), (rw / shape).round());
            let mut best: Option<(Rect, f32)> = None;
            for iy in 0..=20 {
                for ix in 0..=20 {
                    let r = Rect {
                        x: (self.subject.x + (self.subject.w - rw) * ix as f32 / 20.0).round(),
                        y: (self.subject.y + (self.subject.h - rh) * iy as f32 / 20.0).round(),
                        w: rw,
                        h: rh,
                    };
                    let value = fine.mean(&r);
                    if inner.mean(&r) > 0.995 && best.is_none_or(|b| value < b.1) {
                        best = Some((r, value));
                    }
                }
            }
            best.filter(|b| b.1 < 1.6).map(|b| b.0)
        })?;
        if place.w < self.picture.width().max(self.picture.height()) as f32 * 0.14 {
            return None;
        }
        let design = Design::new(&mut rng);
        let flat = design.drawn(place.w as u32, place.h as u32);
        let picture = laid(&self.picture, &flat, &place);
        let fine = Sums::of(&fineness(&picture), w, h).mean(&place);
        Some(Item {
            name: format!("{}+{}", self.name, design.name),
            picture,
            region: place,
            fine,
            label: Some(Label { design, bare: self.picture.clone() }),
            ..self.clone()
        })
    }
}

/// Which half of the pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    Train,
    Report,
    All,
}

/// Reads every picture under a folder, in order of their paths, and keeps one half of the groups.
pub fn read(folder: &Path, half: Half, labels: u64) -> Vec<Item> {
    let mut files = Vec::new();
    walk(folder, &mut files);
    files.sort();
    let mut groups: Vec<String> = files.iter().map(|f| group(folder, f)).collect();
    groups.dedup();
    let kept = |name: &str| {
        let place = groups.iter().position(|g| g == name).unwrap_or(0);
        match half {
            Half::All => true,
            Half::Report => place % 2 == 0,
            Half::Train => place % 2 == 1,
        }
    };
    let chosen: Vec<(usize, PathBuf, String)> = files
        .into_iter()
        .enumerate()
        .map(|(i, file)| (i, group(folder, &file), file))
        .filter(|(_, group, _)| kept(group))
        .map(|(i, group, file)| (i, file, group))
        .collect();
    let made: Vec<Vec<Item>> = chosen
        .into_par_iter()
        .with_max_len(1)
        .map(|(i, file, group)| {
            let Some(picture) = opened(&file) else { return Vec::new() };
            let name = file.strip_prefix(folder).unwrap_or(&file).to_string_lossy().into_owned();
            let item = Item::new(name, group, picture);
            let seed = i as u64 * 977 + if half == Half::Train { 500_000 } else { 0 };
            let more = (0..labels).filter_map(|k| item.labelled(seed + k)).collect::<Vec<_>>();
            std::iter::once(item).chain(more).collect()
        })
        .collect();
    made.into_iter().flatten().collect()
}

/// A picture, reduced; nothing for what can't be read or is too small for clips.
fn opened(file: &Path) -> Option<RgbImage> {
    let picture = image::open(file).ok()?.to_rgb8();
    let longest = picture.width().max(picture.height());
    if picture.width().min(picture.height()) < 100 {
        return None;
    }
    if longest <= SIDE {
        return Some(picture);
    }
    let scale = SIDE as f32 / longest as f32;
    let side = |n: u32| (n as f32 * scale).round() as u32;
    let (w, h) = (side(picture.width()), side(picture.height()));
    Some(image::imageops::resize(&picture, w, h, image::imageops::FilterType::Lanczos3))
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|e| e.path()) {
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|e| {
            ["jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff"]
                .contains(&e.to_string_lossy().to_lowercase().as_str())
        }) {
            files.push(path);
        }
    }
}

/// Pictures in one subfolder are one group; pictures in the folder itself are groups of their own.
fn group(folder: &Path, file: &Path) -> String {
    let rest = file.strip_prefix(folder).unwrap_or(file);
    let first = rest.components().next().map(|c| c.as_os_str().to_string_lossy().into_owned());
    first.unwrap_or_default()
}
