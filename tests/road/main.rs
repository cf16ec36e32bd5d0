//! The whole road, driving the real program: from a manifest to clips, and every way it can end.

mod choosing;
mod ends;
mod estimates;
mod forms;
mod hosted;
mod money;
mod played;
mod prices;
mod resolve;
mod resume;
mod workspace;

use workspace::Workspace;

#[test]
fn from_a_catalogue_to_clips_posters_sidecars_and_a_page() {
    let shop = Workspace::shop();
    let plan = shop.kinora(&["plan", "."]).ends(0);
    assert!(plan.stdout.contains("4 clips to make"), "{}", plan.stdout);

    let run = shop.kinora(&["run", ".", "--yes", "--report", "page.html"]).ends(0);
    assert!(run.stdout.contains("4 clips made"), "{}", run.stdout);
    let clips = shop.files("clips", "mp4");
    assert_eq!(clips.len(), 4);
    for clip in &clips {
        let facts = kinora::media::clip::inspect(clip).expect("a whole clip");
        assert_eq!(facts.duration_ms, 500);
        assert_eq!(facts.frames, 6);
        assert_eq!(facts.width.min(facts.height), 240);
        assert!(clip.with_extension("jpg").is_file(), "a poster beside {}", clip.display());
        let sidecar = std::fs::read_to_string(clip.with_extension("json")).expect("a sidecar");
        let sidecar: serde_json::Value = serde_json::from_str(&sidecar).expect("JSON");
        assert!(sidecar["job"].as_str().is_some_and(|job| job.starts_with("products.")));
    }
    let page = shop.read("page.html");
    assert!(page.contains("products.mug") && page.contains("<video"), "cards with clips");
}

#[test]
fn a_second_plan_and_a_second_run_have_nothing_to_do() {
    let shop = Workspace::shop();
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    let before = shop.times("clips");
    let plan = shop.kinora(&["plan", "."]).ends(0);
    assert!(plan.stdout.starts_with("Nothing to do"), "{}", plan.stdout);
    let json = shop.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(json["to_run"]["jobs"], 0);
    assert_eq!(json["changes"]["done"], 4);
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    assert_eq!(shop.times("clips"), before, "no clip was touched");
}

#[test]
fn the_same_job_gives_the_same_bytes_in_another_workspace() {
    let (one, other) = (Workspace::shop(), Workspace::shop());
    one.kinora(&["run", ".", "--yes"]).ends(0);
    other.kinora(&["run", ".", "--yes"]).ends(0);
    let digests = |shop: &Workspace| -> Vec<(String, String)> {
        let report = shop.kinora(&["report", ".", "--format", "json"]).ends(0).json();
        let jobs = report["jobs"].as_array().cloned().unwrap_or_default();
        let mut all: Vec<(String, String)> = jobs
            .iter()
            .map(|j| (j["address"].to_string(), j["clip"]["digest"].to_string()))
            .collect();
        all.sort();
        all
    };
    assert_eq!(digests(&one).len(), 4);
    assert_eq!(digests(&one), digests(&other));
}

#[test]
fn what_changed_is_made_again_and_the_old_clip_stays() {
    let shop = Workspace::shop();
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    let first = shop.files("clips", "mp4");

    shop.edit("kinora.yaml", "turns slowly", "turns quickly");
    let plan = shop.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["changes"]["changed"], 4);
    assert_eq!(plan["changes"]["changed_by"]["prompt"], 4);
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    let second = shop.files("clips", "mp4");
    assert_eq!(second.len(), 8, "no clip was overwritten");
    assert!(first.iter().all(|clip| second.contains(clip)));

    shop.picture("images/mug.png", [30, 90, 160]);
    let plan = shop.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["changes"]["changed_by"]["reference"], 2, "{plan:#}");
    assert_eq!(plan["changes"]["done"], 2);
}

#[test]
fn a_subject_that_left_the_catalogue_is_reported_as_orphaned() {
    let shop = Workspace::shop();
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    shop.edit("products.csv", "bowl,Bowl,7\n", "");
    let plan = shop.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["changes"]["orphaned"], 2);
    assert_eq!(plan["to_run"]["jobs"], 0);
}
