//! A throw-away workspace whose clips cost play money, and the program to drive there.

use std::path::Path;
use std::process::{Command, Stdio};

/// Two products in two shapes: four clips, three credits each.
const MANIFEST: &str = r#"kinora: 1
name: shop
guardrails:
  RULE
defaults: {model: studio, duration: 0.5, resolution: 96p, fps: 12}
subjects:
  products:
    kind: product
    from: products.csv
    id: "{{ sku }}"
    references:
      - {name: hero, image: "images/{{ sku }}.png"}
shots:
  - id: turn
    for: products
    prompt: "{{ title }} turns slowly, the camera pushes in"
    matrix: {aspect: ["1:1", "9:16"]}
"#;

/// The box's own renderer under another name, at three credits a clip with a picture.
const PAID: &str = r#"kinora_model: 1
model: studio
provider: animatic
title: The renderer, charged to the department
routes:
  text: {}
  image: {min: 1, max: 1}
durations: {range: {min: 0.5, max: 60, step: 0}}
resolutions: {96p: {short_side: 96}}
fps: [12]
seed: true
price:
  unit: credits
  as_of: 2026-11-01
  source: "the studio's rate card"
  charges:
    - {per: clip, amount: 2.5}
    - {per: image, amount: 0.5}
"#;

pub struct Shop {
    folder: tempfile::TempDir,
}

impl Shop {
    /// A shop of a mug and a bowl under one rule, such as `max_total: 10`.
    pub fn under(rule: &str) -> Self {
        let shop = Shop { folder: tempfile::tempdir().expect("a folder") };
        shop.write("kinora.yaml", &MANIFEST.replace("RULE", rule));
        shop.write("products.csv", "sku,title,price\nmug,Mug,12\nbowl,Bowl,7\n");
        shop.write("models/studio.yaml", PAID);
        for (name, colour) in [("mug", [190, 90, 60]), ("bowl", [90, 120, 60])] {
            shop.picture(&format!("images/{name}.png"), colour);
        }
        shop
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("inside")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }

    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path().join(name)).expect("it is there");
        assert!(text.contains(from), "{name} holds `{from}`");
        self.write(name, &text.replace(from, to));
    }

    /// A coloured thing on a white ground.
    pub fn picture(&self, name: &str, colour: [u8; 3]) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("inside")).expect("a folder");
        let picture = image::RgbImage::from_fn(160, 160, |x, y| {
            let inside = (40..120).contains(&x) && (30..140).contains(&y);
            image::Rgb(if inside { colour } else { [255, 255, 255] })
        });
        picture.save(path).expect("saved");
    }

    /// Runs the program to its end; it must end with this code.
    pub fn kinora(&self, arguments: &[&str], code: i32) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kinora"));
        command.current_dir(self.path()).args(arguments).stdin(Stdio::null());
        command.env_remove("COLUMNS").env("NO_COLOR", "1").env("USER", "tester");
        let output = command.output().expect("the program starts");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        let ended = Ended { stdout: text(output.stdout), stderr: text(output.stderr) };
        let (stdout, stderr) = (&ended.stdout, &ended.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{stdout}\n{stderr}");
        ended
    }

    /// What was spent ever, as the report says it.
    pub fn spent(&self) -> String {
        let report = self.kinora(&["report", ".", "--json"], 0).json();
        report["totals"]["spent"].as_str().unwrap_or_default().to_owned()
    }

    /// How many clips there are.
    pub fn clips(&self) -> usize {
        let mut folders = vec![self.path().join("clips")];
        let mut clips = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                clips += usize::from(path.extension().is_some_and(|e| e == "mp4"));
                if path.is_dir() {
                    folders.push(path);
                }
            }
        }
        clips
    }

    /// The breaches of the plan as it is now.
    pub fn breaches(&self) -> Vec<serde_json::Value> {
        let plan = self.kinora(&["plan", ".", "--json"], 0).json();
        plan["breaches"].as_array().cloned().unwrap_or_default()
    }
}

/// What the program said.
pub struct Ended {
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}", self.stdout))
    }

    /// Lines of what was said that name a guardrail.
    pub fn said(&self, words: &str) -> String {
        let lines = self.stderr.lines().filter(|line| line.contains(words));
        lines.collect::<Vec<_>>().join("\n")
    }
}
