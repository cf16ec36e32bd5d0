//! What a channel sets where a shot says nothing, and what it forbids.

use crate::shop::{ALL_ROUND, Card, keyed, plan, refused, said, settings, shop};

const SHOT: &str = r#"  - id: turn
    for: products.mug
    model: studio/all-round
    prompt: "{{ title }} turns slowly""#;

fn shot(more: &str) -> String {
    format!("{SHOT}\n    {}", more.replace('\n', "\n    "))
}

#[test]
fn a_channel_sets_what_the_shot_does_not() {
    let of = |more: &str| {
        let shop = shop("", &shot(more), &[ALL_ROUND]);
        settings(&plan(&shop)).join(", ")
    };
    assert_eq!(of("channel: meta-reels"), "1080x1920 5");
    assert_eq!(of("channel: meta-feed"), "1080x1350 5");
    assert_eq!(of("channel: shopify-product"), "1080x1080 5");
    assert_eq!(of("channel: amazon-listing"), "1920x1080 5");
    // At least 6 s are taken, and 9 to 15 s advised: of 5 and 10 s, both get 10.
    assert_eq!(of("channel: google-merchant"), "1920x1080 10");
    assert_eq!(of("channel: tiktok-infeed"), "1080x1920 10");
}

#[test]
fn what_is_written_counts_before_the_channel_where_it_suits() {
    let of = |more: &str| {
        let shop = shop("", &shot(more), &[ALL_ROUND]);
        settings(&plan(&shop)).join(", ")
    };
    assert_eq!(of("channel: meta-feed\naspect: \"1:1\"\nresolution: 480p"), "480x480 5");
    assert_eq!(of("channel: meta-reels\nduration: 10"), "1080x1920 10");
}

#[test]
fn an_axis_of_channels_makes_a_clip_for_each() {
    let more = "matrix: {channel: [meta-reels, amazon-listing, none]}\n\
                out: \"{{ variant.channel }}/{{ subject.id }}.mp4\"";
    let shop = shop("", &shot(more), &[ALL_ROUND]);
    let plan = plan(&shop);
    assert_eq!(settings(&plan), ["1080x1920 5", "1920x1080 5", "1280x720 5"]);
    let addresses: Vec<&str> = plan["jobs"]
        .as_array()
        .expect("jobs")
        .iter()
        .filter_map(|job| job["address"].as_str())
        .collect();
    assert_eq!(addresses[0], "products.mug/turn/channel=meta-reels/1");
}

#[test]
fn templates_know_the_channel_and_what_it_covers() {
    let more = "channel: meta-reels\n\
                out: \"{{ channel }}/{{ channel.safe_bottom }}-{{ subject.id }}.mp4\"";
    let shots = shot(more).replace("turns slowly", "turns, {{ channel.safe_top }} % clear");
    let plan = plan(&shop("", &shots, &[ALL_ROUND]));
    assert_eq!(plan["jobs"][0]["out"], "meta-reels/35-mug.mp4");
    assert_eq!(plan["jobs"][0]["prompt"], "Mug turns, 14 % clear");

    let without = shop("", &shot("out: \"{{ channel }}/x.mp4\""), &[ALL_ROUND]);
    let said = refused(&without);
    assert!(said.contains("`channel` is not defined: the shot has none"), "{said}");
}

#[test]
fn the_same_settings_by_hand_are_the_same_request() {
    let channel = shop("", &shot("channel: meta-reels"), &[ALL_ROUND]);
    let by_hand = shot("aspect: \"9:16\"\nresolution: 1080p\nduration: 5");
    let by_hand = shop("", &by_hand, &[ALL_ROUND]);
    let fingerprint = |plan: &serde_json::Value| plan["jobs"][0]["fingerprint"].clone();
    assert_eq!(fingerprint(&plan(&channel)), fingerprint(&plan(&by_hand)));
}

#[test]
fn a_contradiction_names_the_nearest_possible() {
    let of = |more: &str| refused(&shop("", &shot(more), &[ALL_ROUND]));
    let aspect = of("channel: meta-reels\naspect: \"16:9\"");
    assert!(aspect.contains("the channel `meta-reels` takes 9:16, not 16:9"), "{aspect}");
    assert!(aspect.contains("the nearest possible is 9:16"), "{aspect}");

    let length = of("channel: google-merchant\nduration: 5");
    assert!(length.contains("takes 6 to 240 s, not 5 s"), "{length}");
    // Not 6 s, which the channel takes and the model does not make.
    assert!(length.contains("the nearest possible is 10 s"), "{length}");

    let pixels = of("channel: amazon-listing\nresolution: 480p");
    assert!(
        pixels.contains("at 480p; that is 854×480 pixels, and 1280×720 are the least"),
        "{pixels}"
    );
    assert!(pixels.contains("the nearest possible is 720p"), "{pixels}");

    let unknown = of("channel: meta-reel");
    assert!(unknown.contains("no channel is named `meta-reel`"), "{unknown}");
    assert!(unknown.contains("did you mean `meta-reels`?"), "{unknown}");
}

#[test]
fn defaults_give_way_to_a_channel_that_the_shot_names() {
    let defaults = "defaults: {aspect: \"16:9\", duration: 5, resolution: 480p}";
    let own = shop(defaults, &shot("channel: amazon-listing"), &[ALL_ROUND]);
    // What suits stays: the channel takes 5 s and 16:9, but not 480p.
    assert_eq!(settings(&plan(&own)), ["1920x1080 5"]);
    let own = shop(defaults, &shot("channel: google-merchant"), &[ALL_ROUND]);
    assert_eq!(settings(&plan(&own)), ["854x480 10"]);

    let both = "defaults: {channel: meta-reels, aspect: \"16:9\"}";
    let said = refused(&shop(both, SHOT, &[ALL_ROUND]));
    assert!(said.contains("takes 9:16, not 16:9"), "{said}");

    let inherited = shop("defaults: {channel: meta-reels}", SHOT, &[ALL_ROUND]);
    assert_eq!(settings(&plan(&inherited)), ["1080x1920 5"]);
    let none = shop("defaults: {channel: meta-reels}", &shot("channel: none"), &[ALL_ROUND]);
    assert_eq!(settings(&plan(&none)), ["1280x720 5"]);
}

const LYING: Card =
    Card { name: "lying", aspects: r#"["16:9", "1:1"]"#, price: "0.01", ..ALL_ROUND };
const SHORT: Card =
    Card { name: "short", durations: "{values: [4, 5]}", price: "0.02", ..ALL_ROUND };
const SMALL: Card = Card {
    name: "small",
    resolutions: "{360p: {short_side: 360}, 480p: {short_side: 480}}",
    price: "0.03",
    ..ALL_ROUND
};

#[test]
fn a_model_that_can_not_serve_a_channel_is_an_error_with_those_that_can() {
    let of = |model: &str, channel: &str| {
        let shots = shot(&format!("channel: {channel}")).replace("all-round", model);
        refused(&shop("", &shots, &[ALL_ROUND, LYING, SHORT, SMALL]))
    };
    let aspect = of("lying", "meta-reels");
    assert!(
        aspect.contains(
            "`studio/lying` makes no clip for `meta-reels` in 9:16; it makes 16:9 and 1:1"
        ),
        "{aspect}"
    );
    assert!(aspect.contains("the nearest that it makes is 1:1"), "{aspect}");
    assert!(aspect.contains("models that can: "), "{aspect}");

    let length = of("short", "google-merchant");
    assert!(length.contains("of 6 to 240 s; it makes 4, 5 s"), "{length}");

    let pixels = of("small", "amazon-listing");
    assert!(
        pixels.contains("its largest is 854×480 pixels, and 1280×720 are the least"),
        "{pixels}"
    );
}

#[test]
fn a_model_is_chosen_among_those_that_serve_the_channel() {
    let auto = |channel: &str| {
        let shots = shot(&format!("channel: {channel}\nchoose: {{providers: [studio]}}"));
        let shots = shots.replace("studio/all-round", "auto");
        let shop = shop("", &shots, &[ALL_ROUND, LYING, SHORT, SMALL]);
        let plan = plan(&shop);
        (plan["jobs"][0]["model"].as_str().unwrap_or_default().to_owned(), plan)
    };
    // The cheapest makes no upright clips; the next makes no clip of six seconds.
    assert_eq!(auto("meta-reels").0, "studio/short");
    let (model, plan) = auto("google-merchant");
    assert_eq!(model, "studio/lying");
    let fell_out = plan["choices"][0]["fell_out"].to_string();
    assert!(fell_out.contains("not for `google-merchant` of 6 to 240 s"), "{fell_out}");
    assert_eq!(auto("amazon-listing").0, "studio/lying");
}

#[test]
fn settings_that_a_channel_chooses_go_together() {
    // 1080p only at 8 s, as some models have it.
    let card = Card {
        durations: "{values: [4, 6, 8]}",
        more: "only: [{resolutions: [1080p], durations: {values: [8]}}]",
        ..ALL_ROUND
    };
    let shop = shop("", &shot("channel: meta-reels"), &[card]);
    assert_eq!(settings(&plan(&shop)), ["1080x1920 8"]);
}

#[test]
fn a_length_that_is_not_advised_is_advice() {
    let shop = shop("", &shot("channel: tiktok-infeed\nduration: 5"), &[ALL_ROUND]);
    assert_eq!(
        said(&plan(&shop), "plan::channel_advised"),
        ["the channel `tiktok-infeed` advises 9 to 15 s, and a clip of `turn` is 5 s"]
    );
}

#[test]
fn a_profile_of_the_workspace_wins_and_changes_the_plan() {
    let shop = shop("", &shot("channel: meta-reels"), &[ALL_ROUND]);
    assert_eq!(settings(&plan(&shop)), ["1080x1920 5"]);
    let own = "kinora_channel: 1\nchannel: meta-reels\ntitle: Ours\nas_of: 2026-11-23\n\
               frames: [{aspect: \"1:1\"}]\nlength: {min: 8}\n";
    shop.write("channels/reels.yaml", own);
    assert_eq!(settings(&plan(&shop)), ["720x720 10"]);
    shop.write("channels/reels.yaml", &own.replace("length: {min: 8}", "length: {min: 8, max: 3}"));
    let said = keyed(&shop, &["plan", "."]).ends(3).stderr;
    assert!(
        said.contains("min 8 is above max 3") && said.contains("channels/reels.yaml"),
        "{said}"
    );
}

#[test]
fn only_routes_that_the_jobs_can_go_by_bind_what_goes_together() {
    let of = |model: &str, more: &str, prompt: &str| {
        let shots = shot(more).replace("studio/all-round", model).replace("turns", prompt);
        settings(&plan(&shop("", &shots, &[]))).join(", ")
    };
    // By references it makes 8 s alone, and a product with one picture does not go by them.
    assert_eq!(of("fal/veo-3.1", "channel: meta-reels", "turns"), "1080x1920 4");
    assert_eq!(of("fal/veo-3.1", "channel: meta-reels", "is @hero, it turns"), "1080x1920 8");
    let asked = "channel: meta-reels\nroute: references";
    assert_eq!(of("fal/veo-3.1", asked, "turns"), "1080x1920 8");
    // From text alone it makes 16:9 and 9:16.
    assert_eq!(of("runway/gen4.5", "channel: shopify-product", "turns"), "960x960 5");
    let text = "channel: shopify-product\nroute: text";
    assert_eq!(of("runway/gen4.5", text, "turns"), "1280x720 5");

    let window = "kinora_channel: 1\nchannel: window\ntitle: Ours\nas_of: 2026-11-23\n\
                  frames: [{aspect: \"9:16\", best: 720x1280}]\n";
    let shots = shot("channel: window").replace("studio/all-round", "google/veo-3.1");
    let shop = shop("", &shots, &[]);
    shop.write("channels/window.yaml", window);
    assert_eq!(settings(&plan(&shop)), ["720x1280 4"]);
}

#[test]
fn pictures_of_further_subjects_and_of_the_shot_are_counted_too() {
    let of = |more: &str| {
        let shots = shot(&format!("channel: meta-reels\n{more}"));
        settings(&plan(&shop("", &shots.replace("studio/all-round", "fal/veo-3.1"), &[]))).join("")
    };
    assert_eq!(of("with: {other: products.bowl}"), "1080x1920 8");
    assert_eq!(of("with: {other: products.bowl}\nuse: [hero]"), "1080x1920 4");
    assert_eq!(of("references: [{name: mood, role: mood, image: images/bowl.png}]"), "1080x1920 8");
}

#[test]
fn a_low_resolution_does_not_change_the_shape() {
    let small = shot("channel: youtube-shorts\nresolution: 360p").replace("all-round", "small");
    let said = refused(&shop("", &small, &[SMALL]));
    assert!(said.contains("at 360p; that is 360×640 pixels, and 480×854 are the least"), "{said}");
    assert!(said.contains("the nearest possible is 480p"), "{said}");
}

#[test]
fn a_default_that_no_model_knows_is_a_slip() {
    let defaults = "defaults: {resolution: 1080}";
    let said = refused(&shop(defaults, &shot("channel: meta-reels"), &[ALL_ROUND]));
    assert!(said.contains("at the resolution `1080`"), "{said}");
}

#[test]
fn a_default_length_that_is_the_models_to_decide_gives_way_too() {
    let card = Card { more: "options: {auto_duration: {title: By itself}}", ..ALL_ROUND };
    let shop = shop("defaults: {duration: auto}", &shot("channel: google-merchant"), &[card]);
    let plan = plan(&shop);
    assert_eq!(settings(&plan), ["1920x1080 10"]);
    assert!(said(&plan, "plan::channel_length").is_empty());
}
