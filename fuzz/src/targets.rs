//! What is done with the bytes under test, for each kind of file: by the fuzzers, and by the test
//! that reads their kept corpus again.
//!
//! A target reads a file as the program would, and asserts what must hold of whatever was read.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use kinora::approval::ApprovalFile;
use kinora::channel::Channels;
use kinora::diagnostic::{Sources, render_json, render_text};
use kinora::feed::{self, Each, FeedFormat, FeedOptions};
use kinora::limits::Limits;
use kinora::manifest::{LoadOptions, load};
use kinora::media::clip::{ClipFacts, inspect};
use kinora::media::decode::{PictureLimits, decode};
use kinora::media::frames::{Answer, Plan, Wanted, read_answer, read_ffmpeg};
use kinora::media::{PictureLock, probe};
use kinora::models::Shelf;
use kinora::plan::file::PlanReader;
use kinora::protocol::Rack;

/// A target: its name, and what it does with the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("approval_file", approval_file),
    ("cards", cards),
    ("clip", clip),
    ("feed_delimited", feed_delimited),
    ("feed_html", feed_html),
    ("feed_json_lines", feed_json_lines),
    ("feed_xml", feed_xml),
    ("frames_answer", frames_answer),
    ("manifest", manifest),
    ("picture", picture),
    ("picture_lock", picture_lock),
    ("plan_file", plan_file),
];

/// Parts of one input that stand for several files are separated by this.
const BETWEEN: &[u8] = b"\n=====\n";

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let folder = base.join(format!("kinora-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the bytes under test");
    folder
});

/// Removes what this process wrote.
pub fn clean() {
    let _ = std::fs::remove_dir_all(&*FOLDER);
}

/// The folder of this process.
fn folder() -> &'static Path {
    &FOLDER
}

/// Writes a file of the folder, and gives its path.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = FOLDER.join(name);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).expect("a folder for the bytes under test");
    }
    std::fs::write(&path, bytes).expect("the bytes under test are written");
    path
}

/// An input's parts.
fn parts(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(data);
    std::iter::from_fn(move || {
        let all = rest?;
        let at = all.windows(BETWEEN.len()).position(|window| window == BETWEEN);
        let (part, after) = match at {
            Some(at) => (&all[..at], Some(&all[at + BETWEEN.len()..])),
            None => (all, None),
        };
        rest = after;
        Some(part)
    })
}

/// Limits low enough that what takes long or much memory is a finding.
fn limits() -> Limits {
    Limits {
        manifest_bytes: 1 << 20,
        yaml_nodes: 20_000,
        feed_bytes: 1 << 20,
        feed_rows: 10_000,
        feed_cell_bytes: 1 << 16,
        picture_bytes: 1 << 20,
        picture_pixels: 1 << 20,
        jobs: 10_000,
        ..Limits::default()
    }
}

/// A picture: recognised, probed, decoded, and made fit for a receiver.
pub fn picture(data: &[u8]) {
    let limits = limits();
    let facts = probe(&file("picture", data), &limits);
    let pixels = decode(data, &PictureLimits::from(&limits));
    if let (Ok(facts), Ok(pixels)) = (facts, pixels) {
        // What a plan is told of a picture is what a run finds in it.
        assert_eq!((facts.width, facts.height), pixels.image.dimensions());
    }
}

/// A clip, as a provider sends it: its index. Its frames are decoded in a child, whose answer is
/// another target.
pub fn clip(data: &[u8]) {
    let _ = inspect(&file("clip.mp4", data));
}

/// What the child that decodes a clip answers: no more than was asked for is taken of it. And what
/// ffmpeg gives in its place.
pub fn frames_answer(data: &[u8]) {
    let wanted = Wanted { samples: 3, longest_side: 64 };
    match read_answer(data, wanted) {
        Ok(Answer::Frames(sampled)) => {
            assert!((1..=3).contains(&sampled.samples.len()));
            for sample in &sampled.samples {
                assert!(sample.picture.width().max(sample.picture.height()) <= 64);
                assert!(sample.index < sampled.facts.frames);
            }
        }
        Ok(Answer::NotDecoded(plan)) => assert!((1..=3).contains(&plan.frames.len())),
        Ok(Answer::Problem(_)) | Err(_) => {}
    }
    let facts = ClipFacts {
        codec: "hev1".to_owned(),
        width: 64,
        height: 64,
        duration_ms: 100,
        frames: 3,
        fps: 30.0,
        bytes: 100,
    };
    let plan = Plan { codec: "hev1".to_owned(), facts, frames: vec![(0, 0), (2, 66)] };
    if let Ok(sampled) = read_ffmpeg(data, wanted, plan) {
        assert_eq!(sampled.samples.len(), 2);
    }
}

/// A manifest with a feed beside it.
pub fn manifest(data: &[u8]) {
    let mut parts = parts(data);
    let manifest = file("shop/kinora.yaml", parts.next().unwrap_or_default());
    file("shop/feed.csv", parts.next().unwrap_or_default());
    let options = LoadOptions { limits: limits(), ..LoadOptions::default() };
    let loaded = load(&manifest, &options);
    assert!(loaded.catalogue.is_some() != loaded.findings.has_errors());
    // Every finding can be shown where it stands.
    let _ = render_text(&loaded.findings, &loaded.sources, 100, false);
    let _ = render_json(&loaded.findings, &loaded.sources);
}

/// Cards that own ones can be like: one of each, since reading all that ship takes a second here.
const SHELF: [(&str, &str); 2] = [
    ("animatic.yaml", include_str!("../../manifests/models/animatic.yaml")),
    ("runway-gen4.5.yaml", include_str!("../../manifests/models/runway-gen4.5.yaml")),
];
const RACK: [(&str, &str); 1] =
    [("runway.yaml", include_str!("../../manifests/providers/runway.yaml"))];

/// A workspace's own model card, provider card, price file and channel profile.
pub fn cards(data: &[u8]) {
    let mut parts = parts(data);
    for name in [
        "cards/models/own.yaml",
        "cards/providers/own.yaml",
        "cards/prices.yaml",
        "cards/channels/own.yaml",
    ] {
        file(name, parts.next().unwrap_or_default());
    }
    let workspace = folder().join("cards");
    let day = "2026-11-22".parse().expect("a day");
    let mut sources = Sources::default();
    let (_, findings) = Shelf::load_over(&SHELF, &workspace, day, &limits(), &mut sources);
    let _ = render_json(&findings, &sources);
    let (_, findings) = Rack::load_over(&RACK, &workspace, &limits(), &mut sources);
    let _ = render_json(&findings, &sources);
    let (_, findings) = Channels::load(&workspace, &limits(), &mut sources);
    let _ = render_json(&findings, &sources);
}

/// A plan file, packed or about to be: what is sound in itself must hold its own sums.
pub fn plan_file(data: &[u8]) {
    // The packing's own checks would keep nearly everything from the lines: so either way.
    let bytes = match data.split_first() {
        Some((0, text)) => {
            let mut packer = zstd::Encoder::new(Vec::new(), 1).expect("in memory");
            packer.write_all(text).expect("in memory");
            packer.finish().expect("in memory")
        }
        _ => data.to_vec(),
    };
    if let Ok(reader) = PlanReader::new(Path::new("x.plan"), Cursor::new(bytes), &limits()) {
        let _ = reader.verify();
    }
}

/// An approval that travelled as a file.
pub fn approval_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(file) = ApprovalFile::parse(text) else { return };
    let now = "2026-11-22T12:00:00Z".parse().expect("a time");
    if let Ok(approval) = file.approval(now) {
        assert!(!approval.by.is_empty());
    }
    // What was read can be written and read again.
    assert!(ApprovalFile::parse(&file.to_text()).is_ok());
}

/// A feed of cells: as whichever program is said to have written it, or as it looks.
pub fn feed_delimited(data: &[u8]) {
    let Some((how, text)) = data.split_first() else { return };
    let format = match how >> 1 {
        1 => Some(FeedFormat::Shopify),
        2 => Some(FeedFormat::Woocommerce),
        3 => Some(FeedFormat::Google),
        4 => Some(FeedFormat::Csv),
        _ => None,
    };
    let each = if how & 1 == 0 { Each::Product } else { Each::Variant };
    read_feed("feed.csv", text, &FeedOptions { format, each, ..FeedOptions::default() });
}

/// A feed of JSON objects.
pub fn feed_json_lines(data: &[u8]) {
    let format = Some(FeedFormat::Jsonl);
    read_feed("feed.jsonl", data, &FeedOptions { format, ..FeedOptions::default() });
}

/// A feed of XML elements.
pub fn feed_xml(data: &[u8]) {
    let format = Some(FeedFormat::Google);
    read_feed("feed.xml", data, &FeedOptions { format, ..FeedOptions::default() });
}

fn read_feed(name: &str, text: &[u8], options: &FeedOptions) {
    let path = file(name, text);
    let Ok(mut feed) = feed::open(&path, options, &limits()) else { return };
    let columns = feed.columns().len();
    // A byte of a legacy encoding may become three bytes of UTF-8, which is what places count.
    let most = 3 * text.len() as u64 + 3;
    while let Ok(Some(batch)) = feed.next_batch() {
        for entry in &batch.entries {
            assert!(entry.row.get(columns).is_none(), "no cell has no column");
            assert!(entry.at.start + u64::from(entry.at.length) <= most, "{:?}", entry.at);
            let _ = (batch.line(entry), batch.raw(entry));
        }
        for bad in &batch.bad {
            assert!(bad.at.start + u64::from(bad.at.length) <= most, "{:?}", bad.at);
            assert!(!bad.reason.is_empty() && bad.row > 0);
        }
    }
    let _ = feed.digest();
}

/// The HTML of a product's description.
pub fn feed_html(data: &[u8]) {
    let Ok(html) = std::str::from_utf8(data) else { return };
    let text = feed::html::text(html);
    assert!(!text.contains('\0') || html.contains('\0') || html.contains('&'));
}

/// What is noted of pictures from URLs.
pub fn picture_lock(data: &[u8]) {
    let Ok(lock) = PictureLock::parse(data) else { return };
    let again = PictureLock::parse(&lock.text()).expect("what was written can be read");
    assert_eq!(again.text(), lock.text(), "and says the same");
}
