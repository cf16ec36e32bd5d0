//! The program around it: text, JSON, sheets, what is kept.

use crate::studio::{Studio, blurred, jar};

const RED: [u8; 3] = [170, 50, 40];
const GREEN: [u8; 3] = [40, 130, 70];

fn shop() -> Studio {
    Studio::new().with("soft", &blurred(&jar(480, RED), 4.0)).with("sharp", &jar(480, GREEN))
}

#[test]
fn the_text_names_the_picture_its_owner_the_figure_and_what_to_do() {
    let output = shop().command(&["check", ".", "--references"]).output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    for part in ["2 pictures", "soft.png", "products.soft", "reference::blurred", "→ ", "1 warning"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("sharp.png"), "{text}");
}

#[test]
fn the_json_fits_its_schema_and_is_the_same_each_time() {
    let shop = shop();
    let seen = shop.look();
    let schema = include_str!("../../schemas/references.schema.json");
    let schema = serde_json::from_str(schema).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    assert!(validator.is_valid(&seen.report), "{:#}", seen.report);
    let (again, mut first) = (shop.look().report, seen.report);
    // But for how it was come by.
    assert_eq!((&first["decoded"], &first["kept"]), (&2.into(), &0.into()));
    assert_eq!((&again["decoded"], &again["kept"]), (&0.into(), &2.into()));
    first["decoded"] = again["decoded"].clone();
    first["kept"] = again["kept"].clone();
    assert_eq!(first, again);
}

#[test]
fn a_picture_that_changed_is_measured_anew() {
    let shop = shop();
    shop.look();
    shop.file("soft.png", &jar(480, RED));
    let seen = shop.look();
    assert_eq!((&seen.report["decoded"], &seen.report["kept"]), (&1.into(), &1.into()));
    assert_eq!(seen.said(), [""; 0]);
}

#[test]
fn a_contact_sheet_shows_what_is_spoken_of() {
    let shop = shop();
    let run = |sheet: &str| {
        let arguments = ["check", ".", "--references", "--contact-sheet", sheet];
        shop.command(&arguments).output().expect("it runs");
        std::fs::read(shop.path().join(sheet)).expect("a sheet")
    };
    let sheet = run("look.png");
    let drawn = image::load_from_memory(&sheet).expect("a PNG").into_rgb8();
    assert!(drawn.width() > 1000 && drawn.height() > 300);
    assert_eq!(run("again.png"), sheet, "the same bytes");
}

#[test]
fn without_findings_there_is_no_sheet() {
    let shop = Studio::new().with("sharp", &jar(480, GREEN));
    let arguments = ["check", ".", "--references", "--contact-sheet", "look.png"];
    let output = shop.command(&arguments).output().expect("it runs");
    assert!(String::from_utf8_lossy(&output.stderr).contains("no contact sheet"));
    assert!(!shop.path().join("look.png").exists());
}

#[test]
fn a_sheet_without_looking_is_a_wrong_command_line() {
    let output =
        shop().command(&["check", ".", "--contact-sheet", "x.png"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
}
