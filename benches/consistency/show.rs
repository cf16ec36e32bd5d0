//! Clips to look at: the reference and some frames side by side.

use std::error::Error;
use std::path::Path;

use image::{Rgb, RgbImage, imageops};

use crate::evaluate::{Case, cases, filmed};
use crate::film;
use crate::pool::Item;

/// Height of each picture on a sheet.
const HEIGHT: u32 = 260;

fn shrunk(picture: &RgbImage) -> RgbImage {
    let width = picture.width() * HEIGHT / picture.height();
    imageops::thumbnail(picture, width.max(1), HEIGHT)
}

fn row(pictures: &[RgbImage]) -> RgbImage {
    let width = pictures.iter().map(|p| p.width() + 4).sum();
    let mut sheet = RgbImage::from_pixel(width, HEIGHT + 4, Rgb([255, 0, 255]));
    let mut x = 0;
    for p in pictures {
        imageops::replace(&mut sheet, p, i64::from(x), 0);
        x += p.width() + 4;
    }
    sheet
}

fn stacked(rows: &[RgbImage]) -> RgbImage {
    let width = rows.iter().map(RgbImage::width).max().unwrap_or(1);
    let height = rows.iter().map(RgbImage::height).sum::<u32>().max(1);
    let mut sheet = RgbImage::from_pixel(width, height, Rgb([255, 0, 255]));
    let mut y = 0;
    for r in rows {
        imageops::replace(&mut sheet, r, 0, i64::from(y));
        y += r.height();
    }
    sheet
}

/// Writes one PNG with `count` clips of a kind.
pub fn show(
    kind: &str,
    strength: Option<u8>,
    items: &[Item],
    out: &Path,
    count: usize,
) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(out)?;
    let all = cases(items, 4000, 2);
    let chosen: Vec<&Case> = all
        .iter()
        .filter(|c| c.kind.word() == kind && strength.is_none_or(|s| c.strength == s))
        .take(count)
        .collect();
    if chosen.is_empty() {
        return Err(format!("no kind {kind:?} that fits these pictures").into());
    }
    let mut rows = Vec::new();
    for case in chosen {
        let mp4 = filmed(case, items)?;
        let frames = film::sampled(&mp4, 4)?;
        let mut line = vec![shrunk(&items[case.item].picture)];
        line.extend(frames.iter().map(|(_, p)| shrunk(p)));
        println!(
            "{}: {} {} on {} {}, {}, {} bytes",
            case.number,
            case.kind.word(),
            case.strength,
            case.base.0.word(),
            case.base.1,
            items[case.item].name,
            mp4.len()
        );
        rows.push(row(&line));
    }
    let file = out.join(format!("{}.png", kind.replace(' ', "-")));
    stacked(&rows).save(&file)?;
    println!("{}", file.display());
    Ok(())
}

/// Writes what is known of each picture: its mask, its subject's box and its finest region.
pub fn pictures(items: &[Item], out: &Path) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(out)?;
    let mut rows = Vec::new();
    for line in items.chunks(7) {
        let pictures: Vec<RgbImage> = line
            .iter()
            .map(|item| {
                let mut p = item.picture.clone();
                for (x, y, pixel) in p.enumerate_pixels_mut() {
                    if !item.inside(x, y) {
                        pixel.0 = [pixel.0[0] / 2, pixel.0[1] / 2 + 90, pixel.0[2] / 2];
                    }
                    for (r, c) in [(item.subject, [0, 0, 255]), (item.region, [255, 0, 0])] {
                        let (fx, fy) = (x as f32, y as f32);
                        if r.scaled(1.02, 1.02).contains(fx, fy) && !r.contains(fx, fy) {
                            pixel.0 = c;
                        }
                    }
                }
                println!(
                    "{} free {} fine {:.2} chroma {:.1}",
                    item.name, item.free, item.fine, item.chroma
                );
                shrunk(&p)
            })
            .collect();
        rows.push(row(&pictures));
    }
    stacked(&rows).save(out.join("pictures.png"))?;
    Ok(())
}
