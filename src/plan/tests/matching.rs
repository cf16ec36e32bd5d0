//! Which route a job takes, and why.

use super::builder::{Build, Planned};
use crate::models::Route;
use crate::plan::RouteReason;

fn plan(references: &[&str], prompt: &str, model: &str) -> Planned {
    Build::new()
        .products(references)
        .shot("turn", prompt, |_| {})
        .model(model)
        .condition("colour == 'red'")
        .plan()
}

#[track_caller]
fn takes(references: &[&str], prompt: &str, model: &str, route: Route, reason: RouteReason) {
    let planned = plan(references, prompt, model);
    let job = planned.only();
    assert_eq!((job.route, job.reason), (route, reason));
}

#[test]
fn no_picture_is_text() {
    takes(&[], "a mug turns", "animatic", Route::Text, RouteReason::NoReference);
}

#[test]
fn one_picture_that_is_not_mentioned_is_the_first_frame() {
    takes(&["hero"], "a mug turns", "animatic", Route::Image, RouteReason::OnePicture);
    takes(&["hero"], "it turns", "references-only", Route::References, RouteReason::OnePicture);
}

#[test]
fn a_first_frame_is_the_image_route_whatever_else_is_attached() {
    let references = ["hero", "start:first_frame"];
    takes(&references, "it turns", "animatic", Route::Image, RouteReason::FirstFrame);
    let planned = plan(&references, "it turns", "animatic");
    assert_eq!(&*planned.only().attached[0].name, "start");
    assert!(planned.message("plan::unused_reference").contains("`hero`"));
}

#[test]
fn first_and_last_frame_are_the_frames_route() {
    let references = ["start:first_frame", "end:last_frame"];
    takes(&references, "it turns", "animatic", Route::Frames, RouteReason::FirstAndLastFrame);
}

#[test]
fn several_or_a_mention_are_the_references_route() {
    let several = RouteReason::SeveralPictures;
    takes(&["hero", "side"], "it turns", "animatic", Route::References, several);
    takes(&["hero"], "@hero turns", "animatic", Route::References, RouteReason::Mentioned);
}

#[test]
fn a_mentioned_picture_becomes_the_first_frame_where_the_model_has_no_references() {
    let planned = plan(&["hero"], "@hero turns", "first-frame");
    let job = planned.only();
    assert_eq!((job.route, job.reason), (Route::Image, RouteReason::MentionedAsFirstFrame));
    assert!(planned.codes().contains(&"plan::mention_not_honoured"));
}

#[test]
fn several_pictures_on_a_model_without_references_name_the_models_that_have_it() {
    let planned = plan(&["hero", "side"], "it turns", "first-frame");
    assert!(planned.plan.is_none());
    let message = planned.message("plan::route_missing");
    insta::assert_snapshot!(message, @"`first-frame` has no route `references`, but several pictures are attached (`products.mug`)");
    assert!(planned.help("plan::route_missing").contains("`animatic`"));
    assert_eq!(planned.marked("plan::route_missing"), "first-frame");
}

#[test]
fn the_manifest_has_the_last_word_about_the_route() {
    let route = |route, references: &[&str], model: &str| {
        let build = Build::new().products(references);
        let build = build.shot("turn", "it turns", |_| {}).model(model);
        let build = build.condition("colour == 'red'").change(|build| {
            let place = build.place("the-route");
            build.catalogue.shots[0].route = Some((route, place));
        });
        build.plan()
    };
    let job = route(Route::Text, &["hero"], "animatic");
    assert_eq!((job.only().route, job.only().reason), (Route::Text, RouteReason::Asked));
    assert!(job.codes().contains(&"plan::identity_at_risk"));
    let two = route(Route::Frames, &["a", "b"], "animatic");
    assert_eq!(two.only().attached.len(), 2);
    let missing = route(Route::References, &["hero"], "first-frame");
    assert_eq!(missing.codes(), ["plan::route_missing"]);
    assert_eq!(missing.marked("plan::route_missing"), "the-route");
    let few = route(Route::Frames, &["a"], "animatic");
    assert_eq!(few.codes(), ["plan::too_few_pictures"]);
}

#[test]
fn mentioned_pictures_go_first_where_a_route_takes_few() {
    let six = ["a", "b", "c", "d", "e", "f"];
    let planned = plan(&six, "@f turns like @e", "animatic");
    let names: Vec<&str> = planned.only().attached.iter().map(|a| &*a.name).collect();
    assert_eq!(names, ["a", "b", "e", "f"]);
    let planned = plan(&six, "@a @b @c @d @e turn", "animatic");
    assert_eq!(planned.codes(), ["plan::too_many_pictures"]);
}

#[test]
fn a_route_s_limits_on_pictures_are_named() {
    let build = Build::new().products(&["hero"]).change(|build| {
        if let Some(Ok(facts)) = &mut build.catalogue.pictures.items_mut()[0].facts {
            facts.height = 299;
        }
    });
    let planned = build.shot("turn", "it turns", |_| {}).model("narrow").plan();
    let message = planned.message("plan::picture_limit");
    assert!(message.contains("(`min_side`), this is 800x299"), "{message}");
    assert_eq!(planned.marked("plan::picture_limit"), "mug/hero.jpg");
}

#[test]
fn use_lets_pictures_in_by_name_group_and_alias() {
    let sent = |names: &[&str]| {
        let build = Build::new().products(&["hero", "detail-1", "detail-2"]);
        let build = build.set("cast", crate::manifest::SubjectKind::Character);
        let build = build.subject("mia", [Some("Mia"), None, None], &["face", "side"]);
        let build = build.shot("turn", "it turns", |_| {}).with("host", &[(1, 0)]);
        let planned = build.condition("colour == 'red'").uses(names).plan();
        let names = planned.only().attached.iter().map(|a| a.name.to_string());
        names.collect::<Vec<_>>()
    };
    assert_eq!(sent(&["hero", "host.face"]), ["hero", "host.face"]);
    assert_eq!(sent(&["detail", "mia.side"]), ["detail-1", "detail-2", "host.side"]);
    assert_eq!(sent(&["detail-2", "host"]), ["detail-2", "host.face", "host.side"]);
}
