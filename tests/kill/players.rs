//! The providers: real `kinora simulate` processes that go on while runs are killed, and the cards
//! by which the shop knows them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use kinora::rehearsal::BillLine;

use crate::shop::program;

/// What becomes of a submission whose reply nobody got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// The provider lists submissions by our own mark or echo, but what it does not list may
    /// still have arrived.
    Listed,
    /// What it does not list never arrived.
    Conclusive,
    /// The same submission may be sent again under the same key.
    Replay,
    /// There is no way to ask.
    Nothing,
}

/// One provider and the model of it that is used.
#[derive(Debug)]
pub struct Part {
    pub provider: &'static str,
    pub model: &'static str,
    pub recovery: Recovery,
    /// The environment variable that holds its key, if it wants one.
    pub key: Option<&'static str>,
    /// Settings of its shot.
    pub settings: &'static str,
    /// Faults beside the profile `some`.
    pub faults: &'static [&'static str],
}

/// So that every way of finding a lost submission occurs.
pub const CAST: [Part; 5] = [
    Part {
        provider: "vidu",
        model: "vidu/2.0",
        recovery: Recovery::Listed,
        key: Some("VIDU_API_KEY"),
        settings: r#"duration: 4, resolution: 720p, aspect: "1:1""#,
        // Its URLs are not refreshed by a poll: a clip whose URL has expired is lost for good.
        faults: &["lost_reply=0.05", "expired_url=0"],
    },
    Part {
        provider: "fal",
        model: "fal/seedance-2.0",
        recovery: Recovery::Listed,
        key: Some("FAL_KEY"),
        settings: r#"duration: 4, resolution: 480p, aspect: "1:1""#,
        faults: &["lost_reply=0.05", "expired_url=0"],
    },
    Part {
        provider: "luma",
        model: "luma/ray-3.2",
        recovery: Recovery::Nothing,
        key: Some("LUMA_AGENTS_API_KEY"),
        settings: r#"duration: 5, resolution: 540p, aspect: "1:1""#,
        faults: &["lost_reply=0.02"],
    },
    Part {
        provider: "comfyui",
        model: "comfyui/still",
        recovery: Recovery::Conclusive,
        key: None,
        settings: r#"duration: 1, resolution: 480p, aspect: "1:1""#,
        faults: &["lost_reply=0.05"],
    },
    Part {
        provider: "keyed",
        model: "keyed/turbo",
        recovery: Recovery::Replay,
        key: Some("RUNWAYML_API_SECRET"),
        settings: r#"duration: 5, resolution: 720p, aspect: "1:1""#,
        faults: &["lost_reply=0.05"],
    },
];

/// Cards as they ship, but polled every second, and with prices where the shipped ones have none;
/// `keyed` is another name for a provider that is told an idempotency key.
pub fn cards() -> Vec<(String, String)> {
    let shipped = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests").join(name);
        std::fs::read_to_string(path).expect("it ships")
    };
    let changed = |text: &str, from: &str, to: &str| {
        assert!(text.contains(from), "the shipped card holds `{from}`");
        text.replace(from, to)
    };
    let mut files = Vec::new();
    for part in &CAST {
        let name = if part.provider == "keyed" { "runway" } else { part.provider };
        let card = shipped(&format!("providers/{name}.yaml"));
        let mut lines: Vec<String> = card
            .lines()
            .map(|line| match line.trim_start().starts_with("every_s:") {
                true => "  every_s: 1".to_owned(),
                false => line.to_owned(),
            })
            .collect();
        if part.provider == "keyed" {
            let provider = lines.iter_mut().find(|line| *line == "provider: runway");
            *provider.expect("its name") = "provider: keyed".to_owned();
            lines.push("idempotency: {header: Idempotency-Key, window_s: 86400}".to_owned());
        }
        files.push((format!("providers/{}.yaml", part.provider), lines.join("\n") + "\n"));
    }
    let price = "price:\n  unit: USD\n  as_of: 2026-11-01\n  source: play money\n  charges:\n    - {per: clip, amount: 0.20}\n";
    let vidu = shipped("models/vidu-2.0.yaml");
    files.push(("models/vidu.yaml".to_owned(), vidu + price));
    let comfyui = shipped("models/comfyui-still.yaml");
    let comfyui = changed(&comfyui, "unit: credits", "unit: USD");
    let comfyui = changed(&comfyui, "amount: 0}", "amount: 0.015}");
    files.push(("models/comfyui.yaml".to_owned(), comfyui));
    let keyed = shipped("models/runway-gen4-turbo.yaml");
    let keyed = changed(&keyed, "model: runway/gen4-turbo", "model: keyed/turbo");
    let keyed = changed(&keyed, "provider: runway", "provider: keyed");
    files.push(("models/keyed.yaml".to_owned(), keyed));
    files
}

/// A provider at work.
pub struct Player {
    pub part: &'static Part,
    pub url: String,
    process: Child,
    bill: PathBuf,
}

impl Player {
    /// Starts it in the shop's folder.
    pub fn start(folder: &Path, part: &'static Part, seed: u64, speed: &str) -> Player {
        let bill = folder.join(format!("bill-{}.jsonl", part.provider));
        let mut command = program(folder, &["simulate", ".", "--provider", part.provider]);
        command.args(["--seed", &seed.to_string(), "--speed", speed, "--faults", "some"]);
        command.args(["--clip-side", "64", "--plain-clips", "--bill"]).arg(&bill);
        for fault in part.faults {
            command.args(["--fault", fault]);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("it starts");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("it is read here");
        BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
        let said: serde_json::Value = serde_json::from_str(&line)
            .unwrap_or_else(|e| panic!("{} says `{line}`: {e}", part.provider));
        let url = said["url"].as_str().expect("a URL").to_owned();
        Player { part, url, process, bill }
    }

    /// Its bill so far.
    pub fn bill(&self) -> Vec<BillLine> {
        let text = std::fs::read_to_string(&self.bill).expect("the bill is there");
        let line = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("`{line}`: {e}"));
        text.lines().map(line).collect()
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
