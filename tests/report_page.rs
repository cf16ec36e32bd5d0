//! The HTML page, made of real files on disk.
//!
//! It stays in `target/tmp/report-page/` for `tests/html/screenshot.sh` to look at. Pictures are
//! those of the folder that `KINORA_PAGE_PICTURES` names, or drawn here; clips are mere bytes, or
//! with `KINORA_PAGE_CLIPS=1` real ones that ffmpeg makes of the pictures.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kinora::export::Weakest;
use kinora::ledger::{Basis, ClipVerdict, JobState, Verdict};
use kinora::manifest::Role;
use kinora::models::Route;
use kinora::report::{
    CheckView, ClipView, HtmlOptions, JobView, ReferenceView, RunReport, SettingsView, WordView,
    html,
};
use kinora::verification::{Detail, DetailPart, JudgeDetail, ReferenceDetail};

const SUBJECTS: [&str; 8] = [
    "mug-terra",
    "teapot-blabar",
    "candle-amber",
    "dropper-linnea",
    "watch-nord",
    "tin-skog",
    "bottle-hav",
    "lamp-måne",
];
const SHOTS: [(&str, &str, u32, u32, &str); 3] = [
    (
        "feed-turn",
        "1:1",
        480,
        480,
        "@hero turns slowly on pale marble, soft morning daylight from the left, the camera pushes in until the glaze fills the frame",
    ),
    ("reel", "9:16", 360, 640, "the camera tilts up along @hero and settles, warm window light"),
    (
        "hero",
        "16:9",
        640,
        360,
        "wide, quiet: @hero on a long table, @detail catches the light as the camera tracks right; steam rises, nothing else moves. Keep the label readable from the first frame to the last.",
    ),
];

fn workspace() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report-page");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("clips")).expect("the target folder can be written");
    folder
}

/// Pictures from the folder that the environment names, by path.
fn given_pictures() -> Vec<PathBuf> {
    let Some(folder) = std::env::var_os("KINORA_PAGE_PICTURES") else { return Vec::new() };
    let pattern = Path::new(&folder).join("**/*.jpg");
    let mut found: Vec<PathBuf> =
        glob::glob(&pattern.to_string_lossy()).into_iter().flatten().flatten().collect();
    found.sort();
    found
}

fn picture(workspace: &Path, index: usize, name: &str, given: &[PathBuf]) -> String {
    let path = format!("images/{index}-{name}.jpg");
    let file = workspace.join(&path);
    fs::create_dir_all(workspace.join("images")).expect("a folder");
    if !given.is_empty() {
        fs::copy(&given[index % given.len()], &file).expect("a copy");
        return path;
    }
    let hue = (index * 37 % 255) as u8;
    let drawn = image::RgbImage::from_fn(240, 240, |x, y| {
        let (dx, dy) = (x as f32 - 120.0, y as f32 - 125.0);
        let inside = (dx / 65.0).powi(2) + (dy / 85.0).powi(2) < 1.0;
        let light = (255.0 - (dx + 65.0) * 1.2).clamp(40.0, 255.0) as u8;
        if inside { image::Rgb([light, hue, 255 - hue]) } else { image::Rgb([250, 249, 247]) }
    });
    drawn.save(&file).expect("a drawn picture");
    path
}

/// A clip of a slow zoom where that was asked for, else bytes that no browser plays.
fn clip(workspace: &Path, picture: &str, name: &str, width: u32, height: u32) -> ClipView {
    let path = format!("clips/{name}.mp4");
    let zoom = format!(
        "scale={}:{}:force_original_aspect_ratio=increase,crop={0}:{1},\
         zoompan=z='1+on/300':x='iw/2-iw/zoom/2':y='ih/2-ih/zoom/2':d=48:s={width}x{height}:fps=24",
        width * 2,
        height * 2
    );
    let file = workspace.join(&path);
    let wanted = std::env::var_os("KINORA_PAGE_CLIPS").is_some_and(|v| v == "1");
    let made = wanted
        && Command::new("ffmpeg")
            .args(["-loglevel", "error", "-y", "-i"])
            .arg(workspace.join(picture))
            .args(["-vf", &zoom, "-frames:v", "48", "-c:v", "libx264", "-preset", "ultrafast"])
            .args(["-pix_fmt", "yuv420p", "-movflags", "+faststart"])
            .arg(&file)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success());
    if !made {
        fs::write(&file, b"no real clip").expect("the target folder can be written");
    }
    fs::copy(workspace.join(picture), file.with_extension("jpg")).expect("a poster");
    let bytes = fs::read(&file).expect("the clip just written");
    ClipView {
        path,
        poster: None,
        bytes: bytes.len() as u64,
        width,
        height,
        duration_ms: 2_000,
        digest: kinora::digest::Digest::of(&bytes).to_string(),
    }
}

fn state(index: usize) -> (JobState, Option<&'static str>) {
    match index {
        5 => (
            JobState::Failed,
            Some(
                "The provider says: the picture shows a registered trademark (policy 4.2). Nothing was charged.",
            ),
        ),
        11 => (
            JobState::Unknown,
            Some(
                "The connection broke after the request was sent; nobody knows whether it arrived.",
            ),
        ),
        17 => (JobState::Submitted, None),
        20 => (JobState::Refused, Some("prompt is longer than this model takes")),
        _ => (JobState::Done, None),
    }
}

fn report(workspace: &Path) -> RunReport {
    let given = given_pictures();
    let mut report = RunReport::new(
        "Spring storefront",
        "credits",
        "2026-08-20T09:40:00Z".parse().expect("a time"),
    );
    let mut index = 0;
    for (s, subject) in SUBJECTS.into_iter().enumerate() {
        let hero = picture(workspace, s * 2, "front", &given);
        let detail = picture(workspace, s * 2 + 1, "detail", &given);
        for (shot, aspect, width, height, prompt) in SHOTS {
            let (state, message) = state(index);
            let done = state == JobState::Done;
            let mut references = vec![reference("hero", Role::Identity, &hero)];
            if shot == "hero" {
                references.push(reference("detail", Role::Framing, &detail));
            }
            report.add(JobView {
                address: format!("products.{subject}/{shot}/aspect={aspect}/1"),
                subject: Some(format!("products.{subject}")),
                shot: shot.into(),
                variant: Some(format!("aspect={aspect}")),
                take: 1,
                state,
                model: "fal/seedance-2.0".into(),
                provider: "fal".into(),
                route: if shot == "hero" { Route::References } else { Route::Image },
                prompt: prompt.into(),
                negative_prompt: None,
                settings: SettingsView {
                    duration: 2.into(),
                    aspect: aspect.into(),
                    resolution: "480p".into(),
                    width,
                    height,
                    fps: Some(24),
                    seed: Some(7 + index as u64),
                },
                references,
                clip: done.then(|| clip(workspace, &hero, &format!("{s}-{shot}"), width, height)),
                channel: None,
                unsuited: Vec::new(),
                word: (index == 4).then(accepted),
                on_fail: None,
                check: if done { check(workspace, index, &hero) } else { None },
                retakes: u32::from(index == 4),
                cost: done.then(|| "12.5".parse().expect("a decimal")),
                basis: done.then_some(Basis::Provider),
                reserved: state.is_open().then(|| "12.5".parse().expect("a decimal")),
                estimate: None,
                attempt: 1,
                message: message.map(str::to_owned),
                remote_id: done.then(|| format!("r-{index}")),
                key: (state == JobState::Unknown)
                    .then(|| "8c1d2f30-5b7a-8e44-9d10-2a6b7c8d9e0f".to_owned()),
                interruptions: 0,
                written_off: false,
                started: "2026-08-20T09:30:00Z".parse().ok(),
                updated: "2026-08-20T09:31:10Z".parse().ok(),
                finished: done.then(|| "2026-08-20T09:31:10Z".parse().expect("a time")),
            });
            index += 1;
        }
    }
    report
}

/// What looking at a clip came to: every verdict is there.
fn check(workspace: &Path, index: usize, hero: &str) -> Option<CheckView> {
    let (verdict, detail, colour) = match index {
        1 => (ClipVerdict::Fail, 31, 97),
        4 => (ClipVerdict::Fail, 92, 44),
        7 => (ClipVerdict::NotInspected, 0, 0),
        9 | 14 => (ClipVerdict::Review, 84, 71),
        2 => return None,
        _ => (ClipVerdict::Pass, 91, 96),
    };
    let part = |name: &str, score: u8, note: &str| DetailPart {
        name: name.into(),
        score,
        note: note.into(),
    };
    let inspected = verdict != ClipVerdict::NotInspected;
    let garbled = "52 % of the finest structure differs where it is worst";
    let apart = "colours are 8.4 apart on the average, 19.0 where it is worst";
    let parts = vec![
        part("colour", colour, if colour < 80 { apart } else { "" }),
        part("shape", 98, ""),
        part("detail", detail, if detail < 80 { garbled } else { "" }),
        part("presence", 100, ""),
    ];
    let score = inspected.then_some(detail.min(colour));
    let reference = ReferenceDetail {
        name: "hero".into(),
        role: Role::Identity,
        verdict,
        score,
        parts: parts.clone(),
        present: 96,
        worst_ms: Some(1_200),
        lab: None,
        marks: Vec::new(),
    };
    let judge = JudgeDetail {
        name: "brand".into(),
        verdict: ClipVerdict::Pass,
        score: Some(88),
        note: "the wordmark reads well".into(),
    };
    let moved = [part("motion", 100, ""), part("steadiness", 97, "")];
    let detail = match inspected {
        true => Detail {
            parts: parts.into_iter().chain(moved).collect(),
            references: vec![reference],
            judges: if index == 4 { vec![judge] } else { Vec::new() },
            evidence: Some(evidence(workspace, index, hero)),
            ..Detail::default()
        },
        false => {
            let notes = vec!["its codec, hev1, can't be decoded here".into()];
            Detail { notes, ..Detail::default() }
        }
    };
    Some(CheckView {
        verdict,
        score,
        weakest: Weakest::of(verdict, score, &detail),
        unlike: (index == 9).then(|| {
            "its colour is 31 dE from the 5 other clips of products.dropper-linnea".into()
        }),
        measure: "kinora 3".into(),
        at: "2026-08-20T09:31:20Z".parse().expect("a time"),
        detail,
    })
}

/// A picture in the form of evidence: the reference, and beside it the same with a frame around
/// what differs.
fn evidence(workspace: &Path, index: usize, hero: &str) -> String {
    let path = format!(".kinora/evidence/{index}.jpg");
    fs::create_dir_all(workspace.join(".kinora/evidence")).expect("a folder");
    let seen =
        image::open(workspace.join(hero)).expect("a picture").thumbnail(240, 240).into_rgb8();
    let (width, height) = seen.dimensions();
    let mut both =
        image::RgbImage::from_pixel(2 * width + 30, height + 20, image::Rgb([250, 249, 247]));
    image::imageops::replace(&mut both, &seen, 10, 10);
    image::imageops::replace(&mut both, &seen, i64::from(width) + 20, 10);
    let (left, upper) = (width + 20 + width / 4, 10 + height / 4);
    for (x, y, pixel) in both.enumerate_pixels_mut() {
        let (dx, dy) = (x.wrapping_sub(left), y.wrapping_sub(upper));
        let inside = dx < width / 2 && dy < height / 2;
        let edge = dx < 3
            || dy < 3
            || width / 2 - dx.min(width / 2) < 4
            || height / 2 - dy.min(height / 2) < 4;
        if inside && edge {
            *pixel = image::Rgb([213, 94, 0]);
        }
    }
    both.save(workspace.join(&path)).expect("a drawn picture");
    path
}

fn accepted() -> WordView {
    WordView {
        verdict: Verdict::Accepted,
        retake: false,
        by: "Ada".into(),
        note: Some("the light in the shop is that warm".into()),
        at: "2026-08-20T09:38:00Z".parse().expect("a time"),
    }
}

fn reference(name: &str, role: Role, path: &str) -> ReferenceView {
    ReferenceView { name: name.into(), role, path: path.into(), source: None, thumbnail: None }
}

#[test]
fn a_page_of_real_files_stands_alone_or_says_that_it_does_not() {
    let workspace = workspace();
    let report = report(&workspace);
    let write = |name: &str, options: &HtmlOptions| {
        let mut page = Vec::new();
        let facts = html(&report, options, &mut page).expect("a page");
        fs::write(workspace.join(name), &page).expect("the target folder can be written");
        (String::from_utf8(page).expect("the page is text"), facts)
    };

    let mut options = HtmlOptions::new(&workspace, &workspace);
    let (page, facts) = write("index.html", &options);
    assert_eq!((facts.cards, facts.left_out, facts.stands_alone), (24, 0, true));
    assert_eq!(facts.missing, Vec::<String>::new());
    assert_eq!(page.matches("id=\"clip-").count(), 20);
    // The same two pictures serve three shots: each thumbnail is in the page once.
    assert_eq!(page.matches("{background-image:url(data:image/jpeg;base64,").count(), 16);

    // Each of the nineteen that were looked at has a row, and a picture where there is one.
    assert_eq!(page.matches("<article class=\"row\"").count(), 19);
    assert_eq!(page.matches("<button type=\"button\" class=\"shown\"").count(), 18);

    options.embed_bytes = 10;
    let (page, facts) = write("linked.html", &options);
    assert!(!facts.stands_alone);
    assert!(page.contains("too large together"));
    assert!(page.contains("data-link=\"clips&#x2f;0-reel.mp4\""));
    assert_eq!(page.matches("id=\"clip-").count(), 0);

    options.cards = 3;
    let (page, facts) = write("few.html", &options);
    assert_eq!((facts.cards, facts.left_out), (3, 21));
    assert!(page.contains("21 more are not on it"));
    // Those that need a person come first.
    assert!(page.contains("policy 4.2") && page.contains("nobody knows"));
}
