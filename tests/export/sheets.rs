//! Contact sheets: every job that has begun, to be looked over.

use image::{Rgb, RgbImage};

use crate::shop::{codes, hosted, made, with_key};
use crate::workspace::Workspace;

fn sheet(shop: &Workspace, name: &str) -> RgbImage {
    image::open(shop.path().join(name)).expect("a picture").into_rgb8()
}

/// The middle of a tile's picture, by its column and row.
fn middle(sheet: &RgbImage, column: u32, row: u32) -> Rgb<u8> {
    *sheet.get_pixel(24 + column * 264 + 124, 24 + 64 + row * 320 + 124)
}

fn near(found: Rgb<u8>, wanted: [u8; 3]) -> bool {
    found.0.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) < 40)
}

#[test]
fn clips_stand_in_the_order_of_the_results() {
    let shop = made("");
    let exported = shop.kinora(&["export", ".", "--what", "sheet", "--json"]).ends(0).json();
    assert_eq!(exported["files"][0]["entries"], 9);
    let sheet = sheet(&shop, "export/sheet-01.png");
    assert_eq!(sheet.width(), 2 * 24 + 6 * 248 + 5 * 16);
    // Teapot, mug, bowl: in the colours of their pictures.
    assert!(near(middle(&sheet, 0, 0), [40, 60, 140]), "{:?}", middle(&sheet, 0, 0));
    assert!(near(middle(&sheet, 3, 0), [190, 90, 60]), "{:?}", middle(&sheet, 3, 0));
    assert!(near(middle(&sheet, 0, 1), [90, 120, 60]), "{:?}", middle(&sheet, 0, 1));
    // Something is written below each, and nothing where there is no tile.
    let inked = |column: u32, row: u32| {
        let (x, y) = (24 + column * 264, 24 + 64 + row * 320 + 250);
        let dark = |dx: u32, dy: u32| sheet.get_pixel(x + dx, y + dy).0[0] < 120;
        (0..248)
            .flat_map(|dx| (0..50).map(move |dy| (dx, dy)))
            .filter(|(dx, dy)| dark(*dx, *dy))
            .count()
    };
    assert!(inked(0, 0) > 60 && inked(2, 1) > 60);
    assert_eq!(inked(4, 1), 0);
}

#[test]
fn a_job_without_a_clip_is_seen_as_a_gap() {
    let (shop, _played) = hosted("moderation=1");
    with_key(&shop, &["run", ".", "--yes"]).ends(7);
    shop.kinora(&["export", ".", "--what", "sheet"]).ends(0);
    let sheet = sheet(&shop, "export/sheet-01.png");
    let red = |x: u32| {
        let tile = (0..248).flat_map(|dx| (0..248).map(move |dy| (x + dx, 88 + dy)));
        tile.filter(|(x, y)| near(*sheet.get_pixel(*x, *y), [172, 52, 36])).count()
    };
    assert!(red(24) > 900 && red(24 + 264) > 900, "the state and a line below it");
    assert_eq!(red(24 + 2 * 264), 0);
}

#[test]
fn a_missing_poster_is_made_of_the_clip_and_a_missing_clip_is_said() {
    let shop = made("");
    for poster in shop.files("clips", "jpg") {
        std::fs::remove_file(poster).expect("removed");
    }
    let gone = shop.files("clips/mug", "mp4").remove(0);
    std::fs::remove_file(gone).expect("removed");
    let exported = shop.kinora(&["export", ".", "--what", "sheet", "--json"]).ends(0).json();
    assert_eq!(codes(&exported), ["export::file"]);
    let sheet = sheet(&shop, "export/sheet-01.png");
    assert!(near(middle(&sheet, 0, 0), [40, 60, 140]), "{:?}", middle(&sheet, 0, 0));
}

#[test]
fn more_than_thirty_jobs_go_on_a_second_sheet() {
    let shop = made("");
    shop.edit("kinora.yaml", "matrix: {aspect: [\"1:1\", \"9:16\"]}", "takes: 31, aspect: \"1:1\"");
    shop.edit("products.csv", "mug,Mug,12,mug\nbowl,=1+1,7,bowl\n", "");
    shop.kinora(&["run", ".", "--yes"]).ends(0);
    let exported = shop.kinora(&["export", ".", "--what", "sheet", "--json"]).ends(0).json();
    let entries: Vec<_> = exported["files"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|f| f["entries"].clone())
        .collect();
    // 31 takes, the wide shot, the mood, and what left the catalogue: two products, and the
    // first two variants of the third.
    assert_eq!(entries, [30, 10]);
    assert!(
        sheet(&shop, "export/sheet-02.png").height() < sheet(&shop, "export/sheet-01.png").height()
    );
}

#[test]
fn sheets_of_an_earlier_export_that_are_no_more_are_gone() {
    let shop = made("");
    shop.write("export/sheet-02.png", "of a time with more clips");
    shop.kinora(&["export", ".", "--what", "results"]).ends(0);
    assert!(shop.path().join("export/sheet-02.png").exists(), "no sheets were asked for");
    shop.kinora(&["export", ".", "--what", "sheet"]).ends(0);
    assert!(!shop.path().join("export/sheet-02.png").exists());
    assert!(shop.path().join("export/sheet-01.png").is_file());
}
