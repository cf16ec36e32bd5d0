//! What making clips once would save: the right amount, and only where it is sure.

use serde_json::Value as Json;

use crate::shop::{ALL_ROUND, Card, keyed, plan, said, shop};

fn shot(more: &str) -> String {
    format!(
        "  - id: turn\n    for: products\n    model: studio/all-round\n    \
         prompt: \"{{{{ title }}}} turns slowly\"\n    {}",
        more.replace('\n', "\n    ")
    )
}

/// `from → channel, stays, jobs, saves` of each crop.
fn crops(plan: &Json) -> Vec<String> {
    let text = |json: &Json| json.as_str().map_or_else(|| json.to_string(), str::to_owned);
    let of = |crop: &Json| {
        let [from, channel, stays, jobs, saves] =
            ["from", "channel", "stays", "jobs", "saves"].map(|key| text(&crop[key]));
        format!("{from} → {channel}, {stays}, {jobs} jobs, {saves}")
    };
    plan["crops"].as_array().into_iter().flatten().map(of).collect()
}

#[test]
fn the_amount_is_the_estimate_of_the_jobs_that_could_be_left_out() {
    let shop =
        shop("", &shot("matrix: {channel: [meta-reels, meta-feed]}\ntakes: 3"), &[ALL_ROUND]);
    let plan = plan(&shop);
    // Two products, three takes, 5 s at 0.10.
    assert_eq!(crops(&plan), ["meta-reels → meta-feed, 1080x1350, 6 jobs, 3.0"]);
    assert_eq!(
        said(&plan, "plan::crop_saves"),
        ["the clips for `meta-reels` (1080×1920) serve `meta-feed` cut to 1080×1350; making each \
          once saves 3 USD (6 jobs of the shot `turn`)"]
    );
}

#[test]
fn a_crop_that_takes_most_of_the_frame_or_of_the_pixels_is_no_saving() {
    // 606×1080 of 1920×1080 would stay: less than half, though the channel would take it.
    for pair in ["[amazon-listing, meta-reels]", "[google-merchant, meta-reels]"] {
        let more = format!("matrix: {{channel: {pair}}}");
        assert!(crops(&plan(&shop("", &shot(&more), &[ALL_ROUND]))).is_empty(), "{pair}");
    }
    let own = "kinora_channel: 1\nchannel: window\ntitle: Ours\nas_of: 2026-11-23\n\
               frames: [{aspect: \"9:16\", best: 480x853}]\n";
    let shop = shop("", &shot("matrix: {channel: [window, meta-feed]}"), &[ALL_ROUND]);
    shop.write("channels/window.yaml", own);
    // Of 480×854, 480×600 would stay: the channel takes them, but 1080×1350 would be made.
    assert_eq!(crops(&plan(&shop)), ["meta-feed → window, 758x1350, 2 jobs, 1.0"]);
}

#[test]
fn the_same_frame_serves_as_it_is_and_each_job_counts_once() {
    let more = "matrix: {channel: [meta-reels, youtube-shorts, meta-feed]}";
    let plan = plan(&shop("", &shot(more), &[ALL_ROUND]));
    assert_eq!(
        crops(&plan),
        [
            "meta-reels → youtube-shorts, 1080x1920, 2 jobs, 1.0",
            "meta-reels → meta-feed, 1080x1350, 2 jobs, 1.0",
        ]
    );
}

#[test]
fn an_upright_clip_serves_upright_channels_rather_than_a_lying_one() {
    let more = "matrix: {channel: [meta-reels, meta-feed, amazon-listing, tiktok-infeed, \
                google-merchant]}";
    let plan = plan(&shop("", &shot(more), &[ALL_ROUND]));
    assert_eq!(
        crops(&plan),
        [
            "tiktok-infeed → meta-reels, 1080x1920, 2 jobs, 1.0",
            "tiktok-infeed → meta-feed, 1080x1350, 2 jobs, 1.0",
            "google-merchant → amazon-listing, 1920x1080, 2 jobs, 1.0",
        ]
    );
}

#[test]
fn a_length_that_one_of_them_does_not_take_is_no_saving() {
    // Amazon's 5 s are too short for Google, and whoever wrote both wants both.
    let written = "matrix: {channel: [meta-reels, meta-feed], duration: [5, 10]}";
    let both = crops(&plan(&shop("", &shot(written), &[ALL_ROUND])));
    assert_eq!(both, ["meta-reels → meta-feed, 1080x1350, 4 jobs, 3.0"], "each length for itself");

    let only_short = Card { durations: "{values: [5]}", ..ALL_ROUND };
    let own = "kinora_channel: 1\nchannel: window\ntitle: Ours\nas_of: 2026-11-23\n\
               frames: [{aspect: \"9:16\", least: 540x960}]\nlength: {max: 4}\n";
    let card = Card { durations: "{values: [4, 10]}", ..only_short };
    let shop = shop("", &shot("matrix: {channel: [google-merchant, window]}"), &[card]);
    shop.write("channels/window.yaml", own);
    assert!(
        crops(&plan(&shop)).is_empty(),
        "10 s are too long for one, 4 s too short for the other"
    );
}

#[test]
fn another_prompt_or_model_is_no_saving() {
    let channels = "matrix: {channel: [meta-reels, meta-feed]}";
    for (from, to) in [
        ("turns slowly", "turns for {{ channel.name }}"),
        ("turns slowly", "turns in {{ variant.aspect }}"),
        ("turns slowly", "turns on {{ variant.channel }}"),
    ] {
        let shots = shot(channels).replace(from, to);
        assert!(crops(&plan(&shop("", &shots, &[ALL_ROUND]))).is_empty(), "{to}");
    }
    let upright = Card { name: "upright", aspects: r#"["9:16"]"#, price: "0.05", ..ALL_ROUND };
    let shots = shot(channels).replace("studio/all-round", "auto");
    let shots = format!("{shots}\n    choose: {{providers: [studio]}}");
    // The cheaper model makes the reels, and can't make the feed.
    assert!(crops(&plan(&shop("", &shots, &[ALL_ROUND, upright]))).is_empty());
}

#[test]
fn a_clip_that_follows_its_picture_may_have_any_shape() {
    let card = Card { more: "", ..ALL_ROUND };
    let shop = shop("", &shot("matrix: {channel: [meta-reels, meta-feed]}"), &[card]);
    shop.edit(
        "models/all-round.yaml",
        "image: {min: 1, max: 1}",
        "image: {min: 1, max: 1, follows_picture: true}",
    );
    assert!(crops(&plan(&shop)).is_empty());
}

#[test]
fn a_part_of_a_plan_says_nothing_of_it() {
    let shop = shop("", &shot("matrix: {channel: [meta-reels, meta-feed]}"), &[ALL_ROUND]);
    let narrowed = keyed(&shop, &["plan", ".", "--json", "--only", "products.mug"]).ends(0);
    let narrowed: Json = serde_json::from_str(&narrowed.stdout).expect("JSON");
    assert!(crops(&narrowed).is_empty());
}

#[test]
fn what_is_done_saves_nothing_any_more() {
    let manifest = r#"kinora: 1
name: shop
defaults: {model: animatic, duration: 1, resolution: 240p, fps: 12}
shots:
  - {id: mood, prompt: "a street at dawn, slow pan", matrix: {channel: [window, tall]}}
out: "clips/{{ channel }}.mp4"
"#;
    let shop = crate::workspace::Workspace::with(manifest);
    let own = |name: &str, aspect: &str| {
        format!(
            "kinora_channel: 1\nchannel: {name}\ntitle: Ours\nas_of: 2026-11-23\n\
             frames: [{{aspect: \"{aspect}\", least: 100x100}}]\n"
        )
    };
    shop.write("channels/window.yaml", &own("window", "1:1"));
    shop.write("channels/tall.yaml", &own("tall", "4:5"));
    let before = crops(&plan(&shop));
    assert_eq!(before, ["window → tall, 192x240, 1 jobs, 0"]);
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    assert!(crops(&plan(&shop)).is_empty());
}
