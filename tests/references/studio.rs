//! Made pictures, a throw-away shop that has them, and the program to look at them.

use std::path::Path;
use std::process::{Command, Stdio};

use image::{Rgb, RgbImage, imageops};
use serde_json::Value;

/// A shop of one set of products.
pub struct Studio {
    folder: tempfile::TempDir,
    products: Vec<String>,
    settings: &'static str,
    shots: String,
}

/// What `check --references --json` gave.
pub struct Seen {
    pub code: Option<i32>,
    pub report: Value,
    pub talk: String,
}

impl Studio {
    pub fn new() -> Self {
        Studio {
            folder: tempfile::tempdir().expect("a folder"),
            products: Vec::new(),
            settings: "{model: animatic, duration: 1, resolution: 240p, aspect: \"1:1\"}",
            shots: "  - {id: turn, for: products, prompt: \"it turns slowly\"}\n".to_owned(),
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn settings(mut self, settings: &'static str) -> Self {
        self.settings = settings;
        self
    }

    pub fn shots(mut self, shots: &str) -> Self {
        self.shots = shots.to_owned();
        self
    }

    /// Adds a product with its references, as written in the manifest.
    pub fn product(mut self, id: &str, references: &str) -> Self {
        self.products.push(format!("      - {{id: {id}, references: [{references}]}}\n"));
        self
    }

    /// Adds a product with one picture.
    pub fn with(self, id: &str, picture: &RgbImage) -> Self {
        let name = format!("{id}.png");
        self.file(&name, picture);
        self.product(id, &format!("{{name: hero, image: {name}}}"))
    }

    pub fn file(&self, name: &str, picture: &RgbImage) {
        picture.save(self.path().join(name)).expect("it is saved");
    }

    pub fn bytes(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path().join(name), bytes).expect("it is written");
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let manifest = format!(
            "kinora: 1\nname: studio\ndefaults: {}\nsubjects:\n  products:\n    kind: product\n    \
             items:\n{}shots:\n{}",
            self.settings,
            self.products.concat(),
            self.shots
        );
        std::fs::write(self.path().join("kinora.yaml"), manifest).expect("it is written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_kinora"));
        command.current_dir(self.path()).args(arguments).stdin(Stdio::null());
        command.env_remove("COLUMNS").env("NO_COLOR", "1");
        command
    }

    pub fn look(&self) -> Seen {
        let output = self.command(&["check", ".", "--references", "--json"]).output();
        let output = output.expect("the program starts");
        let talk = String::from_utf8_lossy(&output.stderr).into_owned();
        let report = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}\n{talk}", String::from_utf8_lossy(&output.stdout)));
        Seen { code: output.status.code(), report, talk }
    }
}

impl Seen {
    /// Each finding as `code picture`, without the room's name.
    pub fn said(&self) -> Vec<String> {
        let findings = self.report["findings"].as_array().expect("a list");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let line = |f: &Value| {
            format!(
                "{} {}",
                text(&f["code"]).trim_start_matches("reference::"),
                text(&f["picture"])
            )
        };
        findings.iter().map(line).collect()
    }

    /// The finding of a code.
    pub fn finding(&self, code: &str) -> &Value {
        let findings = self.report["findings"].as_array().expect("a list");
        let of = |f: &&Value| f["code"] == format!("reference::{code}");
        findings.iter().find(of).unwrap_or_else(|| panic!("no {code} in {:?}", self.said()))
    }

    pub fn picture(&self, path: &str) -> &Value {
        let pictures = self.report["pictures"].as_array().expect("a list");
        pictures.iter().find(|p| p["path"] == path).expect("the picture")
    }
}

/// A lidded jar with a label: edges in all directions, shading, a handle of another colour.
pub fn jar(side: u32, body: [u8; 3]) -> RgbImage {
    thing(side, side, body, (0.5, 0.52), 0.7)
}

/// The same of any frame, with its middle at a place and of a height, as shares of the frame's.
pub fn thing(w: u32, h: u32, body: [u8; 3], middle: (f32, f32), height: f32) -> RgbImage {
    let tall = height * h as f32;
    RgbImage::from_fn(w, h, |x, y| {
        let (u, v) =
            ((x as f32 - middle.0 * w as f32) / tall, (y as f32 - middle.1 * h as f32) / tall);
        let light = 1.0 - 0.5 * (u + 0.1).abs();
        let lit = |c: [u8; 3]| Rgb(c.map(|c| (f32::from(c) * light) as u8));
        let lid = u.abs() < 0.2 && (-0.5..-0.38).contains(&v);
        let jar = u.abs() < 0.28 && (-0.36..0.5).contains(&v);
        let label = u.abs() < 0.2 && (-0.15..0.25).contains(&v);
        let print = label && ((u * 40.0) as i32 + (v * 30.0) as i32) % 3 == 0;
        match (lid, print, label, jar) {
            (true, ..) => lit([90, 92, 96]),
            (_, true, ..) => lit([40, 40, 60]),
            (_, _, true, _) => lit([232, 224, 200]),
            (.., true) => lit(body),
            _ => Rgb([252, 252, 252]),
        }
    })
}

/// A room: no plain background anywhere.
pub fn room(w: u32, h: u32) -> RgbImage {
    RgbImage::from_fn(w, h, |x, y| {
        let (i, j) = (x / (w / 11).max(1), y / (h / 9).max(1));
        let c = (i * 71 + j * 137 + i * j * 29) % 200 + 30;
        Rgb([c as u8, (c * 3 % 211) as u8, (255 - c) as u8])
    })
}

/// As a lens out of focus has it.
pub fn blurred(picture: &RgbImage, sigma: f32) -> RgbImage {
    imageops::blur(picture, sigma)
}

/// Letters of a line: upright bars and crosses of a colour, from a place on.
pub fn lettered(
    mut picture: RgbImage,
    (left, top): (u32, u32),
    size: u32,
    ink: [u8; 3],
) -> RgbImage {
    for letter in 0..9 {
        let x = left + letter * size;
        for (dx, dy) in (0..size * 6 / 10).flat_map(|dx| (0..size).map(move |dy| (dx, dy))) {
            let stem = dx < size / 6 || (letter % 2 == 0 && dx > size * 4 / 10);
            let bar = dy < size / 6 || (letter % 3 == 0 && dy.abs_diff(size / 2) < size / 10);
            if stem || bar {
                picture.put_pixel(x + dx, top + dy, Rgb(ink));
            }
        }
    }
    picture
}
