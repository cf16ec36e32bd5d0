//! Clips that fail are made again in the same run, and the better one is the job's.

use serde_json::Value;

use crate::shop::{RED, Shop};

/// No clip is perfect, so each fails.
const STRICT: &str = r#"kinora: 1
name: bottles
defaults:
  {model: animatic, duration: 0.5, resolution: 240p, fps: 12, aspect: "1:1",
   consistency: {min: 100, fail_below: 100, on_fail: retake, max_retakes: 1}}
subjects:
  products:
    kind: product
    items: [{id: red, references: [{name: hero, image: images/red.png}]}]
shots:
  - {id: turn, for: products, prompt: "it turns slowly, the camera pushes in"}
"#;

fn scores(shop: &Shop) -> Vec<u64> {
    let exported = shop.0.kinora(&["ledger", "export", "."]).ends(0).stdout;
    let lines = exported.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let checks = lines.filter(|line| line["kind"] == "checked");
    checks.filter_map(|line| line["detail"]["score"].as_u64()).collect()
}

#[test]
fn a_clip_that_fails_is_made_once_more_and_the_better_one_is_the_jobs() {
    let shop = Shop::with(STRICT);
    let planned = shop.0.kinora(&["plan", "."]).ends(0).stdout;
    assert!(planned.contains("made again, once"), "{planned}");
    let ran = shop.0.kinora(&["run", ".", "--yes"]).ends(0);
    assert!(ran.stderr.contains("it is made again"), "{}", ran.stderr);
    assert!(ran.stdout.contains("Of 2 clips looked at"), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(shop.0.files("clips", "mp4").len(), 2, "both are kept");

    let both = scores(&shop);
    assert_eq!(both.len(), 2);
    let report = shop.0.kinora(&["report", ".", "--json"]).ends(0).json();
    let job = &report["jobs"][0];
    assert_eq!(job["check"]["score"].as_u64(), both.iter().copied().max(), "{both:?}");
    assert_eq!(job["retakes"], 1);

    // What was made as often as it may be is not asked for again, by whatever plan.
    let after = shop.0.kinora(&["plan", "."]).ends(0).stdout;
    assert!(after.contains("Nothing to do"), "{after}");
    shop.0.kinora(&["run", ".", "--yes"]).ends(0);
    assert_eq!(shop.0.files("clips", "mp4").len(), 2);
    // A person's word comes before every score.
    shop.0.kinora(&["accept", RED, "--attempt", "1", "--by", "Ada"]).ends(0);
    let report = shop.0.kinora(&["report", ".", "--json"]).ends(0).json();
    assert_eq!(report["jobs"][0]["check"]["score"].as_u64(), Some(both[0]));
    shop.0.kinora(&["ledger", "verify", "."]).ends(0);
}
