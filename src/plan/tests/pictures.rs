//! What is done to a job's pictures, and what no preparation can mend.

use serde_json::json;

use super::builder::{Build, Planned, card};
use crate::digest::{Digest, FieldHasher};
use crate::ledger::KnownJobs;
use crate::manifest::Placed;
use crate::media::prepare::{Colour, Filling, Fit, Making, Recipe, Size};
use crate::media::{Facts, Orientation};
use crate::models::Shelf;
use crate::plan::Used;

/// A shot of one product with one picture, 800x600, on a model with these limits on pictures.
struct Try {
    limits: serde_json::Value,
    aspect: &'static str,
    fit: Option<Fit>,
    pad: Option<Colour>,
    prompt: &'static str,
    change: fn(&mut Facts),
}

impl Default for Try {
    fn default() -> Self {
        Try {
            limits: json!({}),
            aspect: "16:9",
            fit: None,
            pad: None,
            prompt: "it turns",
            change: |_| {},
        }
    }
}

impl Try {
    fn build(&self) -> Build {
        let build = Build::new().set("products", crate::manifest::SubjectKind::Product);
        let build = build.subject("mug", [Some("Mug"), None, None], &["hero"]);
        let build = build.shot("turn", self.prompt, |_| {}).model("picky");
        build.change(|build| {
            let (aspect, fit) = (build.place(self.aspect), build.place("the-fit"));
            let settings = &mut build.catalogue.shots[0].settings;
            settings.aspect = Some(Placed { value: self.aspect.to_owned(), place: aspect });
            settings.fit = self.fit.map(|value| Placed { value, place: fit });
            settings.pad = self.pad.map(|value| Placed { value, place: fit });
            if let Some(Ok(facts)) = &mut build.catalogue.pictures.items_mut()[0].facts {
                (self.change)(facts);
            }
        })
    }

    fn shelf(&self) -> Shelf {
        let picky = card("picky", |card| {
            for route in ["image", "frames", "references"] {
                let ability = card["routes"][route].as_object_mut().expect("a route");
                ability.extend(self.limits.as_object().expect("limits").clone());
            }
        });
        [picky].into_iter().collect()
    }

    fn plan(&self) -> Planned {
        self.build().plan_with(&self.shelf(), &KnownJobs::new(), Used::default())
    }

    fn recipe(&self) -> Recipe {
        self.plan().only().attached[0].recipe.clone()
    }

    fn making(&self) -> Making {
        self.recipe().making().expect("it is prepared").clone()
    }

    fn fingerprint(&self) -> String {
        self.plan().only().fingerprint.whole.to_string()
    }
}

fn size(width: u32, height: u32) -> Size {
    Size { width, height }
}

#[test]
fn a_picture_that_the_route_takes_is_sent_as_it_is() {
    let planned = Try::default().plan();
    assert_eq!(planned.only().attached[0].recipe, Recipe::AsItIs);
    let request = planned.only().request(&planned.catalogue).expect("a request");
    assert_eq!(request.references[0].recipe, None);
}

#[test]
fn what_a_route_does_not_take_is_made_fit_and_the_request_says_how() {
    let limits = json!({"formats": ["png"], "max_side": 400});
    let planned = Try { limits, ..Try::default() }.plan();
    let request = planned.only().request(&planned.catalogue).expect("a request");
    let recipe = request.references[0].recipe.as_ref().expect("a recipe");
    assert_eq!(recipe.making().map(|m| m.canvas), Some(size(400, 300)));
    let text = serde_json::to_string(&request).expect("JSON");
    assert_eq!(serde_json::from_str::<crate::plan::Request>(&text).ok(), Some(request));
}

#[test]
fn another_recipe_is_another_request_and_none_at_all_is_as_before() {
    let as_it_is = Try::default().fingerprint();
    let roomy = Try { limits: json!({"max_side": 4000}), ..Try::default() }.fingerprint();
    let smaller = Try { limits: json!({"max_side": 400}), ..Try::default() }.fingerprint();
    let smallest = Try { limits: json!({"max_side": 300}), ..Try::default() }.fingerprint();
    assert_eq!(as_it_is, roomy, "a limit that changes nothing is no part of a request");
    assert!(as_it_is != smaller && smaller != smallest);
    // As before pictures were prepared: role and digest, nothing else.
    let planned = Try::default().plan();
    let digest = Digest::of(b"mug/hero.jpg");
    let before =
        FieldHasher::new("references").field(b"first_frame").field(digest.as_bytes()).finish();
    let found = planned.only().fingerprint.parts[3].to_le_bytes();
    assert_eq!(found, before.as_bytes()[..8]);
}

#[test]
fn a_frame_gets_the_clip_s_shape_as_the_shot_says() {
    let fit = |fit, aspect| Try { fit: Some(fit), aspect, ..Try::default() };
    assert_eq!(fit(Fit::Keep, "9:16").recipe(), Recipe::AsItIs);
    let padded = fit(Fit::Pad, "9:16").making();
    assert_eq!((padded.canvas, padded.filling), (size(800, 1422), Some(Filling::Border)));
    let cropped = fit(Fit::Crop, "1:1").making();
    assert_eq!((cropped.canvas, cropped.filling), (size(600, 600), None));
    assert_eq!(fit(Fit::Blur, "16:9").making().filling, Some(Filling::Blur));
    let pad = Some(Colour([1, 2, 3]));
    let coloured = Try { fit: Some(Fit::Pad), pad, ..Try::default() }.making();
    assert_eq!(coloured.filling, Some(Filling::Colour([1, 2, 3])));
}

#[test]
fn other_pictures_keep_their_shape_unless_it_is_not_taken() {
    let mentioned =
        || Try { prompt: "@hero turns", fit: Some(Fit::Pad), aspect: "9:16", ..Try::default() };
    assert_eq!(mentioned().recipe(), Recipe::AsItIs);
    let limited = Try { limits: json!({"aspect_max": "1:1"}), ..mentioned() };
    assert_eq!(limited.making().canvas, size(800, 800));
}

#[test]
fn fit_can_be_an_axis() {
    let attempt = Try::default();
    let build = attempt.build().axis("fit", &["keep", "crop"]);
    let planned = build.plan_with(&attempt.shelf(), &KnownJobs::new(), Used::default());
    let recipes = planned.jobs.iter().map(|(job, _)| job.attached[0].recipe.making().is_some());
    // In the order in which they are written.
    assert_eq!(recipes.collect::<Vec<_>>(), [false, true]);
    let build = attempt.build().axis("fit", &["stretch"]);
    let planned = build.plan_with(&attempt.shelf(), &KnownJobs::new(), Used::default());
    assert_eq!(planned.marked("plan::bad_setting"), "stretch");
}

#[test]
fn what_no_preparation_can_mend_is_an_error_that_names_the_limit() {
    let small = Try { limits: json!({"min_side": 601}), ..Try::default() }.plan();
    assert_eq!(small.codes(), ["plan::picture_limit"]);
    insta::assert_snapshot!(small.message("plan::picture_limit"), @"`mug/hero.jpg` can't be used: `picky` takes sides of at least 601 pixels (`min_side`), this is 800x600 (`products.mug`)");
    assert_eq!(small.help("plan::picture_limit"), "take a larger picture; Kinora enlarges none");
    assert_eq!(small.marked("plan::picture_limit"), "mug/hero.jpg");
    let wide = Try { limits: json!({"aspect_max": "5:4"}), ..Try::default() }.plan();
    insta::assert_snapshot!(wide.message("plan::picture_limit"), @"`mug/hero.jpg` can't be used: `picky` takes nothing wider than 5:4 (`aspect_max`), this is 800x600 (`products.mug`)");
    let narrow = Try { limits: json!({"aspect_min": "3:2"}), ..Try::default() }.plan();
    insta::assert_snapshot!(narrow.message("plan::picture_limit"), @"`mug/hero.jpg` can't be used: `picky` takes nothing narrower than 3:2 (`aspect_min`), this is 800x600 (`products.mug`)");
}

#[test]
fn what_reads_any_file_by_itself_gets_it_as_it_is_and_fit_is_said_to_be_idle() {
    let own = Try {
        limits: json!({"prepare": false}),
        fit: Some(Fit::Pad),
        change: |facts| facts.orientation = Orientation(6),
        ..Try::default()
    };
    let planned = own.plan();
    assert_eq!(planned.only().attached[0].recipe, Recipe::AsItIs);
    assert_eq!(planned.codes(), ["plan::fit_ignored"]);
    assert_eq!(planned.marked("plan::fit_ignored"), "the-fit");
    let prepared = Try { limits: json!({}), fit: None, ..own };
    assert!(prepared.recipe().making().is_some(), "a picture on its side is turned upright");
}

#[test]
fn a_clip_that_takes_its_picture_s_shape_is_said_unless_the_picture_gets_the_clip_s() {
    let follows = || json!({"follows_picture": true});
    let code = "plan::shape_follows_picture";
    let kept = Try { limits: follows(), ..Try::default() }.plan();
    let said = kept.message(code);
    assert!(
        said.starts_with("`picky` gives a clip the shape of its first picture (800×600), not 16:9")
    );
    for fine in [
        Try { limits: follows(), fit: Some(Fit::Pad), ..Try::default() },
        Try { limits: follows(), aspect: "4:3", ..Try::default() },
        Try::default(),
    ] {
        assert!(!fine.plan().codes().contains(&code));
    }
}
