//! `kinora channels`.

use serde_json::Value as Json;

use crate::workspace::Workspace;

#[test]
fn it_lists_every_profile_with_its_sources() {
    let shop = Workspace::shop();
    let all = shop.kinora(&["channels"]).ends(0).stdout;
    for name in kinora::channel::SHIPPED.iter().map(|(file, _)| file.trim_end_matches(".yaml")) {
        assert!(all.contains(&format!("{name}  as of 20")), "{all}");
    }
    assert!(all.contains("other people's words, looked up 2026-11-23"), "{all}");
}

#[test]
fn it_shows_one_as_people_read_it() {
    let shop = Workspace::shop();
    let one = shop.kinora(&["channels", "--channel", "meta-reels", "--width", "90"]).ends(0).stdout;
    insta::assert_snapshot!(one.split("\n\n").next().unwrap_or_default(), @"
    meta-reels  as of 2026-11-23
      Reels on Facebook and Instagram
      9:16 · best 1080×1920 · least 540×960 · keep clear: top 14 %, bottom 35 %, left 6 %,
      right 6 %
      3 to 90 s, at most 30 s advised · at most 4,000,000,000 bytes · 24 to 60 frames a second
      · mp4 mov
      note The length is that of Facebook; Instagram takes up to 15 minutes.
      note Published by Instagram's API, a file may have 300 MB at most.
      from https://developers.facebook.com/docs/video-api/guides/reels-publishing/ (the
           channel's own words, looked up 2026-11-23): frames, fps, length
      from https://shotstack.io/learn/vertical-video-safe-zones/, which gives Meta's advice
           for ads in Reels (other people's words, looked up 2026-11-23): safe_zone
      from https://www.xyzlab.com/meta-ads-specs (other people's words, looked up 2026-11-23):
           max_bytes, containers
      from pages of sovran.ai and airpost.ai on ads in Reels, which advise less than 30 s (other
           people's words, looked up 2026-11-23): advised
    ");
}

#[test]
fn programs_get_everything_and_profiles_of_the_workspace_say_so() {
    let shop = Workspace::shop();
    shop.write(
        "channels/window.yaml",
        "kinora_channel: 1\nchannel: window\ntitle: Ours\nas_of: 2026-11-23\n\
         frames: [{aspect: \"9:16\"}]\n",
    );
    let json = shop.kinora(&["channels", ".", "--json"]).ends(0).stdout;
    let json: Json = serde_json::from_str(&json).expect("JSON");
    let channels = json["channels"].as_array().expect("a list");
    assert_eq!(channels.len(), kinora::channel::SHIPPED.len() + 1);
    let own: Vec<&Json> = channels.iter().filter(|channel| channel["own"] == true).collect();
    assert_eq!(own.len(), 1);
    assert_eq!(own[0]["channel"], "window");
    let reels = channels.iter().find(|channel| channel["channel"] == "meta-reels");
    assert_eq!(reels.expect("it ships")["frames"][0]["safe_zone"]["top"], 14);
}

#[test]
fn a_profile_that_can_not_be_is_told_at_its_place_with_all_its_slips() {
    let shop = Workspace::shop();
    shop.write(
        "channels/window.yaml",
        "kinora_channel: 2\nchannel: Our Window\ntitle: Ours\nas_of: 2026-11-23\n\
         frames:\n  - {aspect: \"9:16\", least: 1080x1920, best: 540x960}\n  \
         - {aspect: \"18:32\", safe_zone: {top: 60, bottom: 50}}\n\
         length: {min: 5, max: 20, advised: {max: 30}}\ncontainers: [mov]\nmax_bytes: 0\n",
    );
    let said = shop.kinora(&["channels", "."]).ends(3).stderr;
    for slip in [
        "version 2 of the profile language is not known",
        "`Our Window` is no name of a channel",
        "the best size 540×960 is below the least, 1080×1920",
        "the shape 18:32 stands twice",
        "the safe zone leaves nothing of the frame",
        "30 s are advised, but not taken",
        "clips are MP4",
        "no file has 0 bytes",
    ] {
        assert!(said.contains(slip), "{slip}\n{said}");
    }
    assert!(said.contains("channels/window.yaml:6:"), "{said}");
}

#[test]
fn a_name_that_is_none_gets_the_nearest() {
    let shop = Workspace::shop();
    let said = shop.kinora(&["channels", "--channel", "tiktok-infed"]).ends(2).stderr;
    assert!(said.contains("did you mean `tiktok-infeed`?"), "{said}");
}
