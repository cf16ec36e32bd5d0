//! Prompts as sent: attributes, mentions, whitespace.

use super::builder::Build;
use crate::manifest::SubjectKind;

fn red(references: &[&str], prompt: &str, model: &str) -> String {
    let build = Build::new().products(references).shot("turn", prompt, |_| {}).model(model);
    build.condition("colour == 'red'").plan().only().prompt.clone()
}

#[test]
fn attributes_stand_in_the_prompt_with_their_exact_text() {
    assert_eq!(red(&[], "{{ title }} ({{ price }}) turns", "animatic"), "Terra Mug (24) turns");
    assert_eq!(red(&[], "{{ subject.id }} of {{ subject.set }}", "animatic"), "mug of products");
    assert_eq!(red(&[], "{{ shot.id }} {{ take }} {{ tags[0] }}", "animatic"), "turn 1 new");
    assert_eq!(red(&[], "it turns,\n  slowly\n", "animatic"), "it turns, slowly");
}

#[test]
fn mentions_are_written_as_the_model_wants_them() {
    let all = ["hero", "detail-1", "detail-2"];
    assert_eq!(
        red(&all, "@hero turns to @detail.", "animatic"),
        "@Image1 turns to @Image2, @Image3."
    );
    assert_eq!(
        red(&all, "@detail-2 then @Image 1, @image2", "animatic"),
        "@Image3 then @Image1, @Image2"
    );
    assert_eq!(
        red(&all, "@hero by shop@example.com for 5 @@ each", "animatic"),
        "@Image1 by shop@example.com for 5 @ each"
    );
}

#[test]
fn a_model_that_can_t_call_pictures_gets_plain_words() {
    assert_eq!(red(&["hero"], "@hero turns", "no-mentions"), "Terra Mug turns");
    assert_eq!(red(&["hero"], "@hero turns", "first-frame"), "Terra Mug turns");
    assert_eq!(
        red(&["front-view"], "{{ title }}: @front-view turns", "no-mentions"),
        "Terra Mug: front view turns"
    );
}

#[test]
fn a_further_subject_is_called_by_its_alias_or_id() {
    let prompt = "@host lifts @hero; @host.side, @mia.face, {{ host.title }}";
    let build = Build::new().products(&["hero"]).set("cast", SubjectKind::Character);
    let build = build.subject("mia", [Some("Mia"), None, None], &["face", "side"]);
    let build = build.shot("hold", prompt, |_| {}).with("host", &[(1, 0)]);
    let planned = build.condition("colour == 'red'").plan();
    let job = planned.only();
    assert_eq!(job.prompt, "@Image2 lifts @Image1; @Image3, @Image2, Mia");
    assert_eq!(job.address.as_str(), "products.mug/hold/-/1");
}

#[test]
fn a_further_subject_with_several_choices_is_an_axis() {
    let build = Build::new().products(&["hero"]).set("cast", SubjectKind::Character);
    let build = build.subject("mia", [Some("Mia"), None, None], &["face"]);
    let build = build.subject("jon", [Some("Jon"), None, None], &["face"]);
    let build = build.shot("hold", "{{ host.title }} lifts it", |_| {});
    let build = build.with("host", &[(1, 0), (1, 1)]).axis("aspect", &["9:16"]);
    let planned = build.condition("colour == 'red'").plan();
    assert_eq!(
        planned.addresses(),
        [
            "products.mug/hold/aspect=9:16,host=cast.mia/1",
            "products.mug/hold/aspect=9:16,host=cast.jon/1",
        ]
    );
    assert_eq!(planned.jobs[1].0.prompt, "Jon lifts it");
}

#[test]
fn takes_may_have_their_own_prompt_and_always_have_their_own_seed() {
    let build = Build::new().shot("mood", "take {{ take }} of a slow pan", |shot| {
        shot.takes = 3;
        shot.seeds = vec![7];
    });
    let planned = build.plan();
    let prompts: Vec<&str> = planned.jobs.iter().map(|(job, _)| &*job.prompt).collect();
    assert_eq!(prompts, ["take 1 of a slow pan", "take 2 of a slow pan", "take 3 of a slow pan"]);
    let seeds: Vec<_> = planned.jobs.iter().map(|(job, _)| job.settings.seed).collect();
    assert_eq!(seeds[0], Some(7));
    assert!(seeds[1].is_some() && seeds[1] != seeds[2]);
}
