//! The page of a plan, made of a plan's JSON (`tests/html/plan.json`) and of pictures on disk.
//!
//! It stays in `target/tmp/plan-page/` for `tests/html/look.mjs` to drive: a reviewed plan that
//! a guardrail denies, the same without anything in the way, and one of which nothing is left to
//! do.

use std::fs;
use std::path::{Path, PathBuf};

use kinora::digest::Digest;
use kinora::plan::JobLine;
use kinora::report::{JobSample, PAGE_BYTES, PlanHtmlFacts, PlanHtmlOptions, PlanJson, plan_html};

const PICTURES: usize = 24;

fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plan-page");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("images")).expect("the target folder can be written");
    for index in 0..PICTURES {
        let hue = (index * 37 % 255) as u8;
        let drawn = image::RgbImage::from_fn(160, 160, |x, y| {
            let (dx, dy) = (x as f32 - 80.0, y as f32 - 84.0);
            let inside = (dx / 45.0).powi(2) + (dy / 58.0).powi(2) < 1.0;
            if inside { image::Rgb([200, hue, 255 - hue]) } else { image::Rgb([250, 249, 247]) }
        });
        drawn.save(folder.join(picture(index))).expect("a drawn picture");
    }
    folder
}

fn picture(index: usize) -> String {
    format!("images/{index}.png")
}

fn plan() -> PlanJson {
    let text = include_str!("html/plan.json");
    serde_json::from_str(text).expect("a plan's JSON of this major version")
}

/// Jobs of many products, each with two pictures.
fn jobs(plan: &PlanJson) -> Vec<JobLine> {
    let listed = plan.jobs.as_ref().expect("the plan lists jobs");
    let (one, unpriced) = (&listed[0], &listed[1]);
    let many = (0..120).map(|i| JobLine {
        address: format!("products.mug-{i:03}/turn/aspect=9:16/1"),
        subject: Some(format!("products.mug-{i:03}")),
        pictures: vec![picture(i % 30), picture((i + 7) % 30)],
        estimate: Some(format!("{}.{}", 12 + i % 7, i % 4)),
        high: Some(format!("{}", 40 + i % 11)),
        low: Some(format!("{}", 9 + i % 3)),
        ..one.clone()
    });
    many.chain([unpriced.clone(), unpriced.clone()]).collect()
}

fn made(plan: &PlanJson, options: &PlanHtmlOptions, path: &Path) -> (String, PlanHtmlFacts) {
    let mut sample = JobSample::new(JobSample::MOST);
    jobs(plan).into_iter().for_each(|job| sample.take(job));
    let mut page = Vec::new();
    let facts = plan_html(&plan.summary, &sample.finish(), options, &mut page).expect("a page");
    fs::write(path, &page).expect("the target folder can be written");
    (String::from_utf8(page).expect("the page is text"), facts)
}

#[test]
fn a_page_of_real_pictures_stands_alone_and_counts_what_it_left_out() {
    let folder = folder();
    let today = "2026-11-23".parse().expect("a date");
    let mut options = PlanHtmlOptions::new(Some(folder.clone()), today);
    let mut plan = plan();

    let (page, facts) = made(&plan, &options, &folder.join("index.html"));
    assert!(page.len() < PAGE_BYTES);
    // Six of the thirty are not on disk.
    assert_eq!((facts.thumbnails, facts.thumbnails_left_out), (PICTURES, 6));
    assert_eq!(page.matches("{background-image:url(data:image/jpeg;base64,").count(), PICTURES);
    assert!(page.contains("6 pictures of these jobs not shown"));
    assert!(page.contains("Can’t be approved") && page.contains("shop.yaml:42:5"));
    assert!(page.contains("266 days old"), "the oldest price has an age");

    // A picture that is another one now is not shown as the one that was planned with.
    options.digests.insert(picture(0), Digest::of(b"another"));
    options.thumbnails = 10;
    plan.summary.breaches.clear();
    let (page, facts) = made(&plan, &options, &folder.join("open.html"));
    assert!(facts.thumbnails < 10 && facts.thumbnails_left_out > 20, "{facts:?}");
    assert!(page.contains("kinora approve shop.yaml --by NAME --ceiling 14540.5"));

    plan.summary.to_run = Default::default();
    plan.jobs = None;
    let mut page = Vec::new();
    plan_html(&plan.summary, &Default::default(), &options, &mut page).expect("a page");
    fs::write(folder.join("nothing.html"), &page).expect("the target folder can be written");
    let page = String::from_utf8(page).expect("the page is text");
    assert!(page.contains("Nothing to do") && !page.contains("kinora approve"));
}
