//! What the provider and its renderer promise, on small clips.

use std::path::Path;
use std::time::Duration;

use image::{Rgba, RgbaImage};

use super::*;
use crate::address::Address;
use crate::digest::Digest;
use crate::manifest::Role;
use crate::media::clip::ClipProblem;
use crate::media::{Format, PictureProblem};
use crate::models::Route;
use crate::plan::{JobSettings, RequestReference};

/// A workspace with a pack shot, a second one and a busy picture.
struct Workspace(tempfile::TempDir);

impl Workspace {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let disc = |colour: [u8; 3]| {
            RgbaImage::from_fn(90, 90, |x, y| {
                let inside = x.abs_diff(45).pow(2) + y.abs_diff(45).pow(2) < 26 * 26;
                let [r, g, b] = if inside { colour } else { [252, 252, 252] };
                Rgba([r, g, b, 255])
            })
        };
        let busy = RgbaImage::from_fn(120, 60, |x, y| {
            Rgba([(x * 2) as u8, (y * 4) as u8, ((x / 7 + y / 5) % 2 * 200) as u8, 255])
        });
        for (name, image) in [
            ("red.png", disc([200, 30, 40])),
            ("blue.png", disc([20, 40, 190])),
            ("busy.png", busy),
        ] {
            image.save(folder.path().join(name)).expect("a picture");
        }
        Workspace(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn reference(&self, name: &str, role: Role, file: &str) -> RequestReference {
        let bytes = std::fs::read(self.path().join(file)).expect("a picture");
        RequestReference {
            name: name.to_owned(),
            role,
            given: None,
            path: file.to_owned(),
            digest: Digest::of(&bytes),
            format: Format::Png,
            width: 90,
            height: 90,
            url: None,
            source: None,
            recipe: None,
        }
    }

    fn request(&self, route: Route, prompt: &str, files: &[&str]) -> Request {
        let references: Vec<RequestReference> =
            files.iter().map(|f| self.reference("hero", Role::Identity, f)).collect();
        Request {
            address: Address::new(Some(("products", "mug")), "turn", None, 1),
            model: NAME.to_owned(),
            provider: NAME.to_owned(),
            route,
            prompt: prompt.to_owned(),
            negative_prompt: None,
            settings: JobSettings {
                duration: "0.5".parse().expect("a decimal"),
                aspect: "1:1".to_owned(),
                resolution: "240p".to_owned(),
                width: 96,
                height: 96,
                fps: Some(12),
                seed: Some(7),
                options: Vec::new(),
            },
            fingerprint: Digest::of(format!("{route} {prompt} {files:?}").as_bytes()),
            retake: 0,
            first_seed: None,
            references,
            out: "clips/mug.mp4".to_owned(),
            shot: "turn".to_owned(),
            subject: Some("products.mug".to_owned()),
            channel: None,
            consistency: None,
        }
    }

    fn out(&self, name: &str) -> PathBuf {
        self.path().join("out").join(name)
    }
}

fn on_threads<T: Send>(count: usize, work: impl FnOnce() -> T + Send) -> T {
    pool("test", count).expect("threads").install(work)
}

fn frame(request: &Request, workspace: &Path, index: u32) -> crate::media::frame::Frame {
    Drawing::new(request, workspace).expect("can be drawn").frame(index)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
}

/// The animatic knows jobs by their content, whatever an attempt is called.
fn key() -> AttemptKey {
    AttemptKey::of(
        &Address::from_stored("a/b/1"),
        &Digest::of(b"request"),
        1,
        jiff::Timestamp::UNIX_EPOCH,
    )
}

async fn finished(provider: &Animatic, id: &RemoteId, request: &Request) -> Polled {
    loop {
        match provider.poll(id, request).await {
            Polled::Running { .. } => tokio::time::sleep(Duration::from_millis(5)).await,
            done => return done,
        }
    }
}

#[test]
fn length_size_and_rate_are_exact_even_for_odd_ones() {
    let workspace = Workspace::new();
    for (width, height, fps, duration, frames) in [
        (96, 96, 12, "0.5", 6),
        (130, 74, 25, "0.36", 9),
        (54, 96, 29, "0.7", 20),
        (64, 18, 60, "0.05", 3),
    ] {
        let mut request = workspace.request(Route::Image, "push in", &["red.png"]);
        request.settings.width = width;
        request.settings.height = height;
        request.settings.fps = Some(fps);
        request.settings.duration = duration.parse().expect("a decimal");
        let facts = render(&request, workspace.path(), &workspace.out("a.mp4")).expect("renders");
        assert_eq!((facts.width, facts.height, facts.frames), (width, height, frames));
        assert!((facts.fps - f64::from(fps)).abs() < 0.01, "{}", facts.fps);
        let exact = frames as f64 * 1000.0 / f64::from(fps);
        assert!((facts.duration_ms as f64 - exact).abs() <= 1.0, "{}", facts.duration_ms);
    }
}

#[test]
fn the_same_request_gives_the_same_bytes_on_any_number_of_threads() {
    let workspace = Workspace::new();
    for (route, files) in [
        (Route::Text, &[][..]),
        (Route::Image, &["red.png"]),
        (Route::Frames, &["red.png", "busy.png"]),
        (Route::References, &["red.png", "blue.png", "busy.png"]),
    ] {
        let mut request = workspace.request(route, "orbit and push in", files);
        request.settings.duration = "3".parse().expect("a decimal");
        let bytes = [1, 4].map(|threads| {
            let to = workspace.out(&format!("{threads}.mp4"));
            on_threads(threads, || render(&request, workspace.path(), &to)).expect("renders");
            std::fs::read(to).expect("a clip")
        });
        assert!(bytes[0] == bytes[1], "{route}");
    }
}

#[test]
fn seeds_make_takes_differ() {
    let workspace = Workspace::new();
    let mut request = workspace.request(Route::Image, "orbit", &["red.png"]);
    let first = render(&request, workspace.path(), &workspace.out("1.mp4")).expect("renders");
    request.settings.seed = Some(8);
    render(&request, workspace.path(), &workspace.out("2.mp4")).expect("renders");
    assert!(first.bytes > 0);
    let read = |name: &str| std::fs::read(workspace.out(name)).expect("a clip");
    assert_ne!(read("1.mp4"), read("2.mp4"));
}

#[test]
fn a_frames_clip_begins_with_the_first_picture_and_ends_with_the_last() {
    let workspace = Workspace::new();
    let mut request = workspace.request(Route::Frames, "push in", &["red.png", "blue.png"]);
    request.references[0].role = Role::FirstFrame;
    request.references[1].role = Role::LastFrame;
    let middle = |index| {
        let frame = frame(&request, workspace.path(), index);
        let rgb = frame.to_rgb();
        let at = (48 * 96 + 48) * 3;
        [rgb[at], rgb[at + 1], rgb[at + 2]]
    };
    let near = |a: [u8; 3], b: [u8; 3]| a.iter().zip(b).all(|(x, y)| x.abs_diff(y) < 8);
    assert!(near(middle(0), [200, 30, 40]), "{:?}", middle(0));
    assert!(near(middle(5), [20, 40, 190]), "{:?}", middle(5));
}

#[test]
fn a_static_shot_stays_still_and_a_push_does_not() {
    let workspace = Workspace::new();
    for (prompt, still) in [("static shot", true), ("push in", false)] {
        let request = workspace.request(Route::Image, prompt, &["red.png"]);
        let drawn = |i| frame(&request, workspace.path(), i);
        assert_eq!(drawn(0) == drawn(5), still, "{prompt}");
    }
}

#[test]
fn a_setting_becomes_the_background_of_what_can_be_cut_out() {
    let workspace = Workspace::new();
    let mut request = workspace.request(Route::References, "static", &["red.png", "busy.png"]);
    request.references[1].role = Role::Environment;
    let rgb = frame(&request, workspace.path(), 0).to_rgb();
    // The middle is the subject; the corner is not the pack shot's white.
    let pixel = |x: usize, y: usize| &rgb[(y * 96 + x) * 3..][..3];
    assert!(pixel(48, 52)[0] > 150 && pixel(48, 52)[2] < 100, "{:?}", pixel(48, 52));
    assert!(pixel(3, 3).iter().any(|c| *c < 200), "{:?}", pixel(3, 3));
}

#[test]
fn pictures_that_cannot_be_used_are_named() {
    let workspace = Workspace::new();
    let request = workspace.request(Route::Image, "push in", &["red.png"]);
    let to = workspace.out("a.mp4");
    let file = workspace.path().join("red.png");
    let whole = std::fs::read(&file).expect("a picture");

    std::fs::write(&file, &whole[..whole.len() / 2]).expect("writes");
    let changed = render(&request, workspace.path(), &to);
    assert_eq!(changed, Err(RenderError::Changed { path: "red.png".to_owned() }));

    let cut = workspace.request(Route::Image, "push in", &["red.png"]);
    let damaged = render(&cut, workspace.path(), &to);
    assert!(
        matches!(&damaged, Err(RenderError::Picture { problem: PictureProblem::Damaged(_), .. })),
        "{damaged:?}"
    );

    std::fs::remove_file(&file).expect("removes");
    let missing = render(&request, workspace.path(), &to);
    assert!(matches!(missing, Err(RenderError::Picture { problem: PictureProblem::Missing, .. })));
    assert!(!to.exists());
}

#[test]
fn a_route_without_its_picture_and_impossible_settings_are_refused() {
    let workspace = Workspace::new();
    let mut request = workspace.request(Route::Image, "push in", &[]);
    let to = workspace.out("a.mp4");
    assert_eq!(render(&request, workspace.path(), &to), Err(RenderError::NoPicture(Route::Image)));
    request.route = Route::Text;
    request.settings.width = 97;
    assert_eq!(render(&request, workspace.path(), &to).map_err(|e| e.cause()), Err("settings"));
}

#[test]
fn a_job_goes_from_submission_to_file() {
    let workspace = Workspace::new();
    let provider =
        Animatic::with_threads(workspace.path(), &workspace.out("kept"), 2).expect("a provider");
    let request = workspace.request(Route::Image, "push in", &["red.png"]);
    runtime().block_on(async {
        let Submission::Accepted { id, .. } =
            provider.submit(&request, &key(), Prepared::nothing()).await
        else {
            panic!("accepted")
        };
        assert_eq!(id.id, request.fingerprint.to_string());
        // The same request again is the same job.
        let again = provider.submit(&request, &key(), Prepared::nothing()).await;
        assert_eq!(again, Submission::Accepted { id: id.clone(), most: None });
        let done = finished(&provider, &id, &request).await;
        assert_eq!(done, Polled::Ready { expires: None, cost: None });
        let to = workspace.out("clip.mp4");
        assert_eq!(provider.fetch(&id, &request, &to).await, Fetched::Complete);
        assert_eq!(clip::inspect(&to).map(|f| f.frames), Ok(6));
        // Fetching again, as after a crash just then, makes the clip again.
        let again = workspace.out("again.mp4");
        assert_eq!(provider.fetch(&id, &request, &again).await, Fetched::Complete);
        assert_eq!(std::fs::read(to).ok(), std::fs::read(again).ok());
    });
}

#[test]
fn after_a_restart_a_poll_starts_the_rendering_again() {
    let workspace = Workspace::new();
    let request = workspace.request(Route::Text, "a quiet street", &[]);
    let id = RemoteId::plain(request.fingerprint.to_string());
    let folder = workspace.out("kept");
    runtime().block_on(async {
        let provider = Animatic::with_threads(workspace.path(), &folder, 1).expect("a provider");
        assert!(matches!(provider.poll(&id, &request).await, Polled::Running { .. }));
        assert!(matches!(finished(&provider, &id, &request).await, Polled::Ready { .. }));
        drop(provider);
        // What an earlier process finished is there at once.
        let provider = Animatic::with_threads(workspace.path(), &folder, 1).expect("a provider");
        assert!(matches!(provider.poll(&id, &request).await, Polled::Ready { .. }));
    });
}

#[test]
fn a_changed_picture_is_refused_for_good() {
    let workspace = Workspace::new();
    let provider =
        Animatic::with_threads(workspace.path(), &workspace.out("kept"), 1).expect("a provider");
    let request = workspace.request(Route::Image, "push in", &["red.png"]);
    std::fs::copy(workspace.path().join("blue.png"), workspace.path().join("red.png"))
        .expect("copies");
    let Submission::Refused(refusal) =
        runtime().block_on(provider.submit(&request, &key(), Prepared::nothing()))
    else {
        panic!("refused")
    };
    assert_eq!((refusal.retry, refusal.cause.as_str()), (Retry::Never, "picture_changed"));
}

#[test]
fn a_picture_beyond_the_limits_is_refused() {
    let workspace = Workspace::new();
    let provider = Animatic::with_threads(workspace.path(), &workspace.out("kept"), 1)
        .expect("a provider")
        .within(PictureLimits { bytes: 10, pixels: 10 });
    let request = workspace.request(Route::Image, "push in", &["red.png"]);
    let Submission::Refused(refusal) =
        runtime().block_on(provider.submit(&request, &key(), Prepared::nothing()))
    else {
        panic!("refused")
    };
    assert_eq!((refusal.retry, refusal.cause.as_str()), (Retry::Never, "picture_unusable"));
}

#[test]
fn dropping_the_provider_does_not_wait_for_a_long_clip() {
    let workspace = Workspace::new();
    let provider =
        Animatic::with_threads(workspace.path(), &workspace.out("kept"), 1).expect("a provider");
    let mut request = workspace.request(Route::Text, "a quiet street", &[]);
    request.settings.duration = "60".parse().expect("a decimal");
    request.settings.width = 640;
    request.settings.height = 640;
    let id = RemoteId::plain(request.fingerprint.to_string());
    runtime().block_on(async {
        assert!(matches!(provider.poll(&id, &request).await, Polled::Running { .. }));
    });
    drop(provider);
    assert!(!workspace.out("kept").join(format!("{}.mp4", id.id)).exists());
}

#[test]
fn files_that_are_no_whole_clip_are_told_apart() {
    let workspace = Workspace::new();
    let request = workspace.request(Route::Image, "push in", &["red.png"]);
    let to = workspace.out("a.mp4");
    render(&request, workspace.path(), &to).expect("renders");
    let whole = std::fs::read(&to).expect("a clip");
    let inspect = |bytes: &[u8]| {
        std::fs::write(&to, bytes).expect("writes");
        clip::inspect(&to)
    };
    assert_eq!(inspect(b""), Err(ClipProblem::Empty));
    assert!(matches!(inspect(b"<!DOCTYPE html><p>"), Err(ClipProblem::NotAVideo(_))));
    assert!(matches!(inspect(b"{\"error\":1}"), Err(ClipProblem::NotAVideo(_))));
    assert!(matches!(inspect(&[0; 4000]), Err(ClipProblem::NotAVideo(_))));
    for cut in (12..whole.len()).step_by(97).chain([whole.len() - 1]) {
        let made = inspect(&whole[..cut]);
        assert!(
            matches!(made, Err(ClipProblem::CutShort(_) | ClipProblem::Damaged(_))),
            "cut at {cut}: {made:?}"
        );
    }
    assert!(clip::inspect(&workspace.out("none.mp4")) == Err(ClipProblem::Missing));
}

#[test]
fn a_lying_index_never_stops_the_program() {
    let workspace = Workspace::new();
    let request = workspace.request(Route::Image, "push in", &["red.png"]);
    let to = workspace.out("a.mp4");
    render(&request, workspace.path(), &to).expect("renders");
    let whole = std::fs::read(&to).expect("a clip");
    let index = whole.windows(4).position(|w| w == b"mdat").expect("frames");
    let mut chance = fastrand::Rng::with_seed(3);
    for _ in 0..300 {
        let mut bytes = whole.clone();
        for _ in 0..chance.usize(1..4) {
            let at = chance.usize(8..index);
            bytes[at] = chance.u8(..);
        }
        std::fs::write(&to, &bytes).expect("writes");
        // Any answer will do; not coming back would fail the test.
        let _ = clip::inspect(&to);
    }
}

#[test]
fn the_card_in_the_box_says_what_the_renderer_does() {
    let card = include_str!("../../../manifests/models/animatic.yaml");
    let card: crate::models::ModelCard =
        serde_saphyr::from_str(card).expect("the card is a model card");
    assert_eq!((card.model.as_str(), card.provider.as_str()), (NAME, NAME));
    assert_eq!(card.routes.len(), 4);
    let workspace = Workspace::new();
    for (fps, resolution) in card.fps.iter().zip(card.resolutions.values().cycle()) {
        let mut request = workspace.request(Route::Text, "a street", &[]);
        (request.settings.width, request.settings.height) =
            resolution.size(crate::models::AspectRatio { width: 9, height: 16 });
        request.settings.fps = Some(*fps);
        let spec = render::spec_of(&request).expect("can be made");
        // Whole ticks of the container's clock of 90,000 a second: no frame is a hair longer.
        assert_eq!(90_000 % spec.fps, 0);
    }
    let price = card.price.expect("a price").of(&crate::models::PriceFacts {
        route: Route::Image,
        seconds: 5.into(),
        resolution: "720p",
        width: 1280,
        height: 720,
        fps: Some(24),
        images: 1,
        options: &[],
        input_seconds: 0.into(),
    });
    assert!(price.known().is_some_and(|amount| amount.value.is_zero()));
}
