//! Findings as people and programs see them: the right line, column and label, for files that
//! are kept in memory and for feeds that are read again.

use std::sync::Arc;

use kinora::diagnostic::{Finding, Findings, Place, Source, Sources, render_json, render_text};

fn sources_with(text: &str, keep: bool) -> (Sources, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("products.csv");
    std::fs::write(&path, text).expect("written");
    let mut sources = Sources::default();
    let text = keep.then(|| Arc::from(text));
    sources.add(Source { name: "products.csv".into(), path, text });
    (sources, folder)
}

fn finding(sources: &Sources, start: u64, length: u32) -> Findings {
    let id = sources.iter().next().expect("one source").0;
    let mut findings = Findings::default();
    findings.push(
        Finding::error("feed::number", "`cheap` is no number")
            .at(Place::new(id, start, length), "in row 2, column `price`")
            .help("write it with digits"),
    );
    findings
}

const FEED: &str = "sku,titel,price\nmug-1,Bäger,12.50\nmug-2,Tallrik på fot,cheap\nmug-3,Skål,9\n";

#[test]
fn a_place_in_memory_and_on_disk_look_the_same() {
    let at = FEED.find("cheap").expect("it is there") as u64;
    let (kept, _a) = sources_with(FEED, true);
    let (reread, _b) = sources_with(FEED, false);
    let json_kept = render_json(&finding(&kept, at, 5), &kept);
    let json_reread = render_json(&finding(&reread, at, 5), &reread);
    let place = |j: &[kinora::diagnostic::FindingJson]| {
        let p = j[0].place.clone().expect("a place");
        (p.line, p.column)
    };
    assert_eq!(place(&json_kept), (3, 22));
    assert_eq!(place(&json_reread), (3, 22));
    insta::assert_snapshot!(render_text(&finding(&reread, at, 5), &reread, 80, false));
}

#[test]
fn more_than_fifty_of_a_kind_are_counted_not_shown() {
    let (sources, _folder) = sources_with(FEED, true);
    let mut findings = Findings::default();
    for i in 0..80 {
        findings.push(Finding::error("feed::number", format!("problem {i}")));
    }
    let text = render_text(&findings, &sources, 80, false);
    assert!(text.contains("problem 49") && !text.contains("problem 50"));
    assert!(text.contains("… and 30 more of feed::number"), "{text}");
}

#[test]
fn a_place_beyond_the_end_of_a_file_is_shown_without_panic() {
    let (sources, _folder) = sources_with(FEED, false);
    let text = render_text(&finding(&sources, 10_000, 5), &sources, 80, false);
    assert!(text.contains("no number"), "{text}");
    let (sources, folder) = sources_with(FEED, false);
    folder.close().expect("removed");
    let text = render_text(&finding(&sources, 20, 5), &sources, 80, false);
    assert!(text.contains("no number"), "{text}");
}
