//! A plan file taken apart and put together again, by the format's description alone.

use std::io::{Read, Write};
use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use kinora::digest::{Digest, FieldHasher};
use kinora::ledger::{Ledger, Mode};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::workspace::Workspace;

/// The animatic under another name, at three credits a clip.
pub const PAID: &str = r#"kinora_model: 1
model: studio
provider: animatic
title: The renderer, charged to the department
routes:
  text: {}
  image: {min: 1, max: 1}
durations: {range: {min: 0.5, max: 60, step: 0}}
resolutions: {240p: {short_side: 240}}
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

/// A shop of four clips at three credits each.
pub fn paid_shop() -> Workspace {
    let shop = Workspace::shop();
    shop.write("models/studio.yaml", PAID);
    shop.edit("kinora.yaml", "model: animatic", "model: studio");
    shop
}

/// The same with its plan in `shop.plan`, approved.
pub fn approved_shop() -> Workspace {
    let shop = paid_shop();
    shop.kinora(&["plan", ".", "-o", "shop.plan"]).ends(0);
    shop.kinora(&["approve", ".", "--by", "ana"]).ends(0);
    shop
}

/// How many jobs the ledger has ever begun.
pub fn begun(shop: &Workspace) -> u64 {
    let ledger = Ledger::open(shop.path(), Mode::Read).expect("a ledger");
    ledger.counts().expect("a good ledger").values().sum()
}

pub fn lineage(shop: &Workspace) -> String {
    let ledger = Ledger::open(shop.path(), Mode::Read).expect("a ledger");
    ledger.lineage().expect("a good ledger").expect("it has a name")
}

pub fn unpack(path: &Path) -> String {
    let mut text = String::new();
    let file = std::fs::File::open(path).expect("it is there");
    zstd::Decoder::new(file).expect("zstd").read_to_string(&mut text).expect("text");
    text
}

pub fn pack(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("zstd");
    encoder.write_all(bytes.as_ref()).expect("in memory");
    encoder.finish().expect("in memory")
}

/// The lines of a plan file.
pub struct Lines(pub Vec<Value>);

impl Lines {
    pub fn of(path: &Path) -> Self {
        let lines = unpack(path);
        Lines(lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect())
    }

    pub fn text(&self) -> String {
        self.0.iter().map(|line| format!("{line}\n")).collect()
    }

    pub fn packed(&self) -> Vec<u8> {
        pack(self.text())
    }

    pub fn header(&mut self) -> &mut Value {
        &mut self.0[0]["header"]
    }

    /// Where the lines of a kind are.
    pub fn at(&self, kind: &str) -> Vec<usize> {
        (0..self.0.len()).filter(|i| self.0[*i].get(kind).is_some()).collect()
    }

    /// The n-th line of a kind.
    pub fn nth(&mut self, kind: &str, n: usize) -> &mut Value {
        let at = self.at(kind)[n];
        &mut self.0[at][kind]
    }

    pub fn replace(&mut self, from: &str, to: &str) {
        let text = self.text();
        assert!(text.contains(from), "the file holds {from}");
        let text = text.replace(from, to);
        self.0 = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    }

    /// Makes the last line right: what somebody does who knows the format.
    pub fn seal(&mut self) {
        let last = self.0.len() - 1;
        let line = |value: &Value| format!("{value}\n");
        let first = Digest::of(line(&self.0[0]).as_bytes());
        let rest: String = self.0[1..last].iter().map(line).collect();
        let mut both = FieldHasher::new("plan file");
        let digest = both.field(first.as_bytes()).field(Digest::of(rest.as_bytes()).as_bytes());
        let (jobs, digest) = (self.at("job").len(), digest.finish().to_string());
        let end = &mut self.0[last]["end"];
        end["jobs"] = json!(jobs);
        end["lines"] = json!(last);
        end["digest"] = json!(digest);
    }

    /// Makes the plan's digest that of the jobs, and seals.
    pub fn name_and_seal(&mut self) {
        let (forms, subjects) = (self.kind("form"), self.kind("subject"));
        let unit = self.0[0]["header"]["summary"]["unit"].as_str().expect("a unit").to_owned();
        let mut named = [b"kinora plan 2\0", unit.as_bytes(), b"\0"].concat();
        for job in self.kind("job") {
            let form = &forms[index(&job["f"])];
            let subject = &subjects[index(&job["s"])];
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            let address = format!(
                "{}.{}/{}/{}/{}",
                text(&subject["set"]),
                text(&subject["id"]),
                text(&form["shot"]),
                text(&form["variant"]),
                form["take"]
            );
            named.extend((address.len() as u64).to_le_bytes());
            named.extend(address.as_bytes());
            named.extend(BASE64URL_NOPAD.decode(text(&job["d"]).as_bytes()).expect("base64"));
            named.push(1);
            for field in ["estimate", "low", "high"] {
                let amount = form.get(field).unwrap_or(&form["estimate"]);
                let amount: Decimal = text(amount).parse().expect("a decimal");
                named.extend(amount.normalize().serialize());
            }
        }
        let digest = Digest::of(&named).to_string();
        self.header()["plan"] = json!(digest);
        self.header()["summary"]["plan"] = json!(digest);
        self.seal();
    }

    fn kind(&self, kind: &str) -> Vec<Value> {
        self.at(kind).into_iter().map(|i| self.0[i][kind].clone()).collect()
    }
}

fn index(value: &Value) -> usize {
    usize::try_from(value.as_u64().expect("a number")).expect("a small number")
}
