//! The slate: a clip for a prompt without pictures, with the prompt itself to read.
//!
//! What lives here: breaking the prompt into lines, the slate's colours. What never does: motion,
//! drawing letters.

use image::{Rgba, RgbaImage};

use super::camera::unit;
use super::stage::Size;
use crate::media::lettering::{Lettering, one_line, rectangle};

/// Most characters of a prompt that are shown; more would be too small to read.
const MAX_CHARS: usize = 480;

/// A slate's two layers, of the frame's size.
pub struct Slate {
    /// The ground, half the frame's size.
    pub ground: RgbaImage,
    /// The lettering, with alpha.
    pub lettering: RgbaImage,
}

/// Sets a slate: the prompt large, the shot's id small below it.
pub fn slate(prompt: &str, shot: &str, size: Size, seed: u64) -> Slate {
    let ground = ground(size, seed);
    let mut lettering = RgbaImage::new(size.w as u32, size.h as u32);
    Setting { letters: Lettering::new(), size }.set(prompt, shot, accent(seed), &mut lettering);
    Slate { ground, lettering }
}

struct Setting {
    letters: Lettering,
    size: Size,
}

const INK: [u8; 3] = [246, 244, 240];

impl Setting {
    fn set(&self, prompt: &str, shot: &str, accent: [u8; 3], target: &mut RgbaImage) {
        let Size { w, h } = self.size;
        let short = w.min(h);
        let margin = short * 0.11;
        let text = shortened(prompt);
        let (height, lines) = self.fitted(&text, w - 2.0 * margin, h - 3.6 * margin, short);
        let spacing = height * 1.32;
        let block = spacing * lines.len() as f32;
        let first = (h - block) / 2.0 + height * 0.98;
        for (i, line) in lines.iter().enumerate() {
            self.letters.line(line, margin, first + spacing * i as f32, height, INK, target);
        }
        let small = (short * 0.032).max(8.0);
        let rule = h - margin - small * 2.1;
        rectangle(target, margin, rule, short * 0.09, (short * 0.004).max(1.0), accent);
        let id = self.letters.cut(&shortened(shot), w - 2.0 * margin, small);
        self.letters.line(&id, margin, h - margin, small, [196, 194, 192], target);
    }

    /// The largest type at which the text fits, and its lines.
    fn fitted(&self, text: &str, width: f32, room: f32, short: f32) -> (f32, Vec<String>) {
        let mut height = short * 0.125;
        loop {
            let lines = self.wrapped(text, width, height);
            let fits = lines.len() as f32 * height * 1.32 <= room;
            if fits || height < short * 0.02 {
                let most = (room / (height * 1.32)).max(1.0) as usize;
                return (height, lines.into_iter().take(most).collect());
            }
            height *= 0.93;
        }
    }

    fn wrapped(&self, text: &str, width: f32, height: f32) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split_whitespace() {
            let candidate =
                if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if self.letters.width(&candidate, height) <= width {
                line = candidate;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            // A word wider than the line is broken where it must be.
            for c in word.chars() {
                line.push(c);
                if line.chars().count() > 1 && self.letters.width(&line, height) > width {
                    line.pop();
                    lines.push(std::mem::replace(&mut line, c.to_string()));
                }
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        lines
    }
}

/// The prompt in one line, without what can't be seen, and not longer than can be read.
fn shortened(text: &str) -> String {
    one_line(text, MAX_CHARS)
}

/// Three quiet colours that a seed chooses: two for the ground, one for the rule.
fn hue(seed: u64) -> f32 {
    // From blue over violet to a warm red, and the greens; yellow grounds look sickly.
    const HUES: [f32; 7] = [215.0, 232.0, 256.0, 338.0, 12.0, 168.0, 196.0];
    HUES[(unit(seed, 11) * HUES.len() as f32) as usize % HUES.len()] + 10.0 * unit(seed, 12)
}

fn accent(seed: u64) -> [u8; 3] {
    colour(hue(seed) + 28.0, 0.52, 0.66)
}

fn ground(size: Size, seed: u64) -> RgbaImage {
    let (w, h) = ((size.w / 2.0).ceil() as u32, (size.h / 2.0).ceil() as u32);
    let hue = hue(seed);
    let (dark, light) = (colour(hue, 0.30, 0.13), colour(hue + 22.0, 0.34, 0.27));
    let spots: Vec<[f32; 3]> = (0..3u64)
        .map(|i| {
            let at = |salt: u64| unit(seed, 20 + i * 3 + salt);
            [at(0) * 1.2 - 0.1, at(1) * 1.2 - 0.1, 0.45 + 0.4 * at(2)]
        })
        .collect();
    RgbaImage::from_fn(w, h, |x, y| {
        let (px, py) = (x as f32 / w as f32, y as f32 / h as f32);
        let mut light_here = 0.12 + 0.25 * (1.0 - py);
        for [sx, sy, radius] in &spots {
            let (dx, dy) = ((px - sx) / radius, (py - sy) / radius);
            light_here += 0.42 * (-(dx * dx + dy * dy) * 2.2).exp();
        }
        let noise = unit(u64::from(y) << 32 | u64::from(x), 5) - 0.5;
        let mix = |c: usize| {
            let (a, b) = (f32::from(dark[c]), f32::from(light[c]));
            (a + (b - a) * light_here.min(1.0) + noise).round().clamp(0.0, 255.0) as u8
        };
        Rgba([mix(0), mix(1), mix(2), 255])
    })
}

/// Hue in degrees, saturation and lightness from 0 to 1.
fn colour(hue: f32, saturation: f32, lightness: f32) -> [u8; 3] {
    let chroma = (1.0 - (2.0 * lightness - 1.0).abs()) * saturation;
    [0.0, 8.0, 4.0].map(|n: f32| {
        let k = (n + hue / 30.0).rem_euclid(12.0);
        let part = (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
        ((lightness - chroma / 2.0 * part) * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Size = Size { w: 180.0, h: 320.0 };

    fn inked(slate: &Slate) -> usize {
        slate.lettering.pixels().filter(|p| p.0[3] > 128).count()
    }

    #[test]
    fn a_prompt_is_set_whatever_it_contains() {
        let long = "word ".repeat(4000);
        let unbroken = "x".repeat(3000);
        for text in [
            "a quiet street",
            "猫が歩く 👩‍👩‍👧 🎉",
            "שלום عالم",
            "\u{0}\u{1b}[31m\n\t",
            &long,
            &unbroken,
        ] {
            let slate = slate(text, "mood", SMALL, 5);
            assert!(inked(&slate) > 50, "{:?}", &text[..text.len().min(12)]);
        }
    }

    #[test]
    fn an_empty_prompt_leaves_the_shot_id() {
        let slate = slate("", "mood", SMALL, 5);
        assert!((20..2000).contains(&inked(&slate)), "{}", inked(&slate));
    }

    #[test]
    fn lettering_stays_inside_its_margins() {
        let slate = slate(&"Wide words wrap well ".repeat(20), "a/very/long/shot/id", SMALL, 9);
        let margin = 12;
        let outside = slate.lettering.enumerate_pixels().filter(|(x, y, p)| {
            p.0[3] > 0 && (*x < margin || *x > 180 - margin || *y < margin || *y > 320 - margin)
        });
        assert_eq!(outside.count(), 0);
    }
}
