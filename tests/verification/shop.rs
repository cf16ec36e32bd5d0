//! A shop of two bottles that can't be mistaken for one another, and hands in its ledger: whatever a
//! provider might have sent can be put in a clip's place.

use std::path::Path;

use image::{Rgb, RgbImage};
use kinora::digest::Digest;
use rusqlite::{Connection, params};
use serde_json::Value;

use crate::workspace::Workspace;

const MANIFEST: &str = r#"kinora: 1
name: bottles
defaults: {model: animatic, duration: 0.5, resolution: 360p, fps: 12, aspect: "1:1"}
subjects:
  products:
    kind: product
    items:
      - {id: green, references: [{name: hero, image: images/green.png}]}
      - {id: red, references: [{name: hero, image: images/red.png}]}
shots:
  - {id: turn, for: products, prompt: "it turns slowly, the camera pushes in"}
"#;

pub const GREEN: &str = "products.green/turn/-/1";
pub const RED: &str = "products.red/turn/-/1";

pub struct Shop(pub Workspace);

impl Shop {
    /// With a clip of each bottle.
    pub fn made() -> Self {
        let shop = Self::with(MANIFEST);
        shop.0.kinora(&["run", ".", "--yes"]).ends(0);
        shop
    }

    pub fn with(manifest: &str) -> Self {
        let shop = Shop(Workspace::with(manifest));
        shop.bottle("images/green.png", [40, 96, 70], 0x5A3C_96E1);
        shop.bottle("images/red.png", [170, 40, 60], 0x1234_F00D);
        shop
    }

    /// Draws a bottle with a printed label.
    pub fn bottle(&self, name: &str, body: [u8; 3], print: u32) {
        let picture = RgbImage::from_fn(400, 400, |x, y| {
            let (x, y) = ((x as f32 + 0.5) / 200.0 - 1.0, (y as f32 + 0.5) / 200.0 - 1.0);
            Rgb(bottle_at(body, print, x * 1.15, y * 1.15))
        });
        picture.save(self.0.path().join(name)).expect("saved");
    }

    pub fn verify(&self, more: &[&str], code: i32) -> Value {
        let arguments = [&["verify", "--json"], more].concat();
        self.0.kinora(&arguments).ends(code).json()
    }

    fn ledger(&self) -> Connection {
        Connection::open(self.0.path().join(".kinora/ledger.db")).expect("the ledger")
    }

    /// The file of a job's clip.
    pub fn clip(&self, job: &str) -> String {
        let ask = "SELECT c.path FROM clips c JOIN attempts a ON a.id = c.attempt
                   JOIN jobs j ON j.id = a.job WHERE j.address = ?";
        self.ledger().query_row(ask, [job], |row| row.get(0)).expect("it has a clip")
    }

    /// As if a provider had sent these bytes for a job.
    pub fn sent_instead(&self, job: &str, bytes: &[u8]) {
        let path = self.clip(job);
        std::fs::write(self.0.path().join(&path), bytes).expect("written");
        self.told(job, &path, bytes);
    }

    /// What the ledger tells of a job's clip.
    pub fn told(&self, job: &str, path: &str, bytes: &[u8]) {
        let change = "UPDATE clips SET path = ?, digest = ?, bytes = ? WHERE attempt =
                      (SELECT attempt FROM jobs WHERE address = ?)";
        let digest = Digest::of(bytes);
        let length = i64::try_from(bytes.len()).expect("a length").max(1);
        let changed = self
            .ledger()
            .execute(change, params![path, digest.as_bytes(), length, job])
            .expect("the ledger can be written");
        assert_eq!(changed, 1);
    }

    /// What verifying says of a job.
    pub fn of<'v>(&self, report: &'v Value, job: &str) -> &'v Value {
        let clips = report["clips"].as_array().expect("clips");
        clips.iter().find(|clip| clip["job"] == job).expect("the job is there")
    }
}

fn bottle_at(body: [u8; 3], print: u32, x: f32, y: f32) -> [u8; 3] {
    if (-0.9..-0.72).contains(&y) && x.abs() < 0.14 {
        return [214, 172, 96];
    }
    if x.abs() >= 0.42 || !(-0.72..0.86).contains(&y) {
        return [244, 243, 240];
    }
    if x.abs() < 0.34 && (-0.3..0.5).contains(&y) {
        let (column, row) = (((x + 0.34) * 16.0) as u32, ((y + 0.3) * 16.0) as u32);
        let bit = print.rotate_left(row * 7).wrapping_mul(0x9E37_79B1) >> (column % 31) & 1;
        let margin = x.abs() > 0.3 || !(-0.24..0.44).contains(&y);
        return if bit == 1 && !margin { [38, 36, 44] } else { [246, 240, 226] };
    }
    let shade = 1.0 - 0.35 * (x / 0.42).powi(2);
    body.map(|c| (f32::from(c) * shade) as u8)
}

/// A clip that nothing here decodes, or that nobody would send.
pub fn odd(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frames/made");
    std::fs::read(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}
