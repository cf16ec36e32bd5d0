//! Finished clips that are not what their channel asks: told, and done all the same.

use serde_json::Value as Json;

use crate::workspace::Workspace;

const MANIFEST: &str = r#"kinora: 1
name: shop
shots:
  - {id: mood, prompt: "a street at dawn, slow pan", channel: window, duration: 1, fps: 12}
out: "clips/{{ channel }}/{{ shot.id }}.mp4"
"#;

fn shop(more: &str) -> Workspace {
    let shop = Workspace::with(MANIFEST);
    let profile = format!(
        "kinora_channel: 1\nchannel: window\ntitle: Ours\nas_of: 2026-11-23\n\
         frames: [{{aspect: \"9:16\", least: 200x300, best: 240x426}}]\n{more}\n"
    );
    shop.write("channels/window.yaml", &profile);
    shop
}

#[test]
fn a_file_that_is_too_large_is_told_and_the_job_is_done() {
    let shop = shop("max_bytes: 100");
    let run = shop.kinora(&["run", ".", "--yes", "--json"]).ends(0);
    let events: Vec<Json> = run
        .stdout
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|event: &Json| event["event"] == "unsuited")
        .collect();
    assert_eq!(events.len(), 1, "{}", run.stdout);
    assert_eq!(events[0]["channel"], "window");
    let missed = events[0]["missed"][0].as_str().expect("a text");
    assert!(missed.ends_with(" bytes, 100 are the most"), "{missed}");

    let report = shop.kinora(&["report", ".", "--format", "json"]).ends(0);
    let report: Json = serde_json::from_str(&report.stdout).expect("JSON");
    assert_eq!(report["totals"]["unsuited"], 1);
    assert_eq!(report["jobs"][0]["state"], "done");
    assert_eq!(report["jobs"][0]["channel"], "window");
    assert_eq!(report["jobs"][0]["unsuited"][0], missed);
    let status = shop.kinora(&["status", "."]).ends(0);
    assert!(
        status.stdout.contains("1 finished clip is not what its channel asks"),
        "{}",
        status.stdout
    );
    // Nothing is made again for it.
    let plan = shop.kinora(&["plan", "."]).ends(0);
    assert!(plan.stdout.contains("Nothing to do"), "{}", plan.stdout);
}

#[test]
fn a_clip_that_suits_is_not_spoken_of() {
    let shop = shop("max_bytes: 100000000");
    let run = shop.kinora(&["run", ".", "--yes"]).ends(0);
    assert!(!run.stderr.contains("not what"), "{}", run.stderr);
    let report = shop.kinora(&["report", ".", "--format", "json"]).ends(0);
    let report: Json = serde_json::from_str(&report.stdout).expect("JSON");
    assert_eq!(report["totals"]["unsuited"], 0);
    assert_eq!(report["jobs"][0]["clip"]["width"], 240);
}
