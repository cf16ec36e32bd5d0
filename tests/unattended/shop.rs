//! A shop whose four clips cost three credits each, and what its manifest says of unattended runs.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::listener::Listener;
use crate::workspace::{Ended, Workspace};

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

/// A policy that the whole plan of twelve credits is inside of.
pub const INSIDE: &str = "{max_total: 12}";

pub struct Shop {
    pub files: Workspace,
    pub webhook: Listener,
}

impl Shop {
    /// With a standing policy, a webhook and a log.
    pub fn new(policy: &str) -> Self {
        Self::telling(policy, Listener::new())
    }

    pub fn telling(policy: &str, webhook: Listener) -> Self {
        let notify = format!("{{webhook: \"{}\"}}", webhook.url);
        let shop = Shop { files: Workspace::shop(), webhook };
        shop.files.write("models/studio.yaml", PAID);
        shop.files.edit("kinora.yaml", "model: animatic", "model: studio");
        shop.says(&format!(
            "unattended:\n  approve: {policy}\n  notify: {notify}\n  log: night.jsonl"
        ));
        shop
    }

    /// Adds top-level keys to the manifest.
    pub fn says(&self, keys: &str) {
        self.files.edit("kinora.yaml", "kinora: 1", &format!("kinora: 1\n{keys}"));
    }

    /// Runs unattended, with more options.
    pub fn runs(&self, more: &[&str]) -> Ended {
        let mut arguments = vec!["run", ".", "--unattended"];
        arguments.extend(more);
        self.files.kinora(&arguments)
    }

    pub fn clips(&self) -> usize {
        self.files.files("clips", "mp4").len()
    }

    /// The log's lines.
    pub fn log(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.files.path().join("night.jsonl"));
        let text = text.unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// What was told, which must be what was printed.
    pub fn told(&self, ended: &Ended) -> Value {
        let told = self.webhook.only();
        assert_eq!(told, outcome(ended), "what is told is what is printed");
        told
    }
}

/// The outcome that was printed: the last line of stdout.
pub fn outcome(ended: &Ended) -> Value {
    let line = ended.stdout.lines().last().unwrap_or_default();
    serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {}\n{}", ended.stdout, ended.stderr))
}

/// A text without what differs from day to day: digests, ids, times.
pub fn steady(text: &str) -> String {
    let mut words = Vec::new();
    for word in text.split_inclusive([' ', '\n']) {
        let is_digest = |w: &str| w.len() >= 12 && w.chars().all(|c| c.is_ascii_hexdigit());
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        words.push(if is_digest(bare) { word.replace(bare, "DIGEST") } else { word.to_owned() });
    }
    words.concat()
}

/// Asserts the exit code, the word for it, and the message.
pub fn check(ended: &Ended, exit: u64, result: &str) -> Value {
    let outcome = outcome(ended);
    assert_eq!((outcome["exit"].as_u64(), outcome["result"].as_str()), (Some(exit), Some(result)));
    assert_eq!(outcome["attention"], exit != 0);
    outcome
}

/// A provider played by `kinora simulate`.
pub struct Played {
    process: Child,
    pub url: String,
}

impl Played {
    pub fn start(files: &Workspace, provider: &str, options: &[&str]) -> Played {
        let mut arguments = vec!["simulate", "--provider", provider, "--clip-side", "96"];
        arguments.extend(options);
        let mut command = files.command(&arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("it starts");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("it is read here");
        BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
        let said: Value = serde_json::from_str(&line).expect("JSON");
        let url = said["url"].as_str().expect("a URL").to_owned();
        Played { process, url }
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Two clips of text alone, one after another, at a played provider whose jobs take one to four
/// seconds at speed 1.
pub fn hosted(provider: &str, model: &str, options: &[&str]) -> (Shop, Played) {
    let shop = Shop::new("{max_total: 100}");
    let played = Played::start(&shop.files, provider, options);
    let text = shop.files.read("kinora.yaml");
    let head = text.split("defaults:").next().unwrap_or_default();
    let url = &played.url;
    shop.files.write(
        "kinora.yaml",
        &format!(
            r#"{head}budget: {{unit: USD}}
retries: 0
limits: {{in_flight: 1}}
providers:
  {provider}: {{base_url: "{url}"}}
defaults: {{model: {model}, duration: 5, resolution: 720p, aspect: "16:9"}}
shots:
  - {{id: street, prompt: "a quiet street at dawn, slow pan"}}
  - {{id: harbour, prompt: "a harbour at noon, slow pan"}}
"#
        ),
    );
    (shop, played)
}

pub fn with_key(shop: &Shop, more: &[&str]) -> Ended {
    let arguments = [&["run", ".", "--unattended"], more].concat();
    let run = start_with_key(shop, &arguments);
    Ended::new(&arguments, run.wait_with_output().expect("it ends"))
}

/// Starts the program with keys that open nothing.
pub fn start_with_key(shop: &Shop, arguments: &[&str]) -> Child {
    let keys = ["FAL_KEY", "RUNWAYML_API_SECRET"].map(|key| (key, "a-key"));
    let mut command = shop.files.command(arguments);
    command.envs(keys).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("it starts")
}
