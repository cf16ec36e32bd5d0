//! What is wrong, where, and how often it is said.

use rust_decimal::Decimal;

use super::builder::Build;
use crate::manifest::Placed;
use crate::media::PictureProblem;

#[test]
fn an_unknown_mention_is_said_once_a_shot_at_its_exact_place() {
    let build = Build::new().products(&["hero"]);
    let planned = build.shot("turn", "the mug from @heroo turns", |_| {}).plan();
    assert_eq!(planned.codes(), ["plan::unknown_mention"]);
    insta::assert_snapshot!(planned.message("plan::unknown_mention"), @"`@heroo` mentions no picture that is attached (2 subjects, for instance `products.mug`)");
    assert_eq!(planned.help("plan::unknown_mention"), "did you mean `@hero`?");
    assert_eq!(planned.marked("plan::unknown_mention"), "@heroo");
}

#[test]
fn a_mention_that_use_leaves_out_says_so() {
    let build = Build::new().products(&["hero", "side"]);
    let planned = build.shot("turn", "@hero turns to @side", |_| {}).uses(&["hero"]).plan();
    assert_eq!(planned.help("plan::unknown_mention"), "`use:` leaves it out of this shot");
}

#[test]
fn an_undefined_variable_is_marked() {
    let build = Build::new().products(&[]);
    let planned = build.shot("turn", "the {{ titel }} turns", |_| {}).plan();
    assert_eq!(planned.codes(), ["plan::template"]);
    assert_eq!(planned.marked("plan::template"), "titel");
}

#[test]
fn every_setting_that_a_model_lacks_is_said_at_once_with_the_nearest() {
    let build = Build::new().shot("mood", "a slow pan", |_| {}).model("narrow");
    let build = build.axis("aspect", &["9:16", "16:9"]).axis("locale", &["de", "en"]);
    let build = build.change(|build| {
        let place = build.place("five");
        let value = Decimal::from(5);
        build.catalogue.shots[0].settings.duration = Some(Placed { value, place });
        let place = build.place("4k");
        let value = "4k".to_owned();
        build.catalogue.shots[0].settings.resolution = Some(Placed { value, place });
    });
    let planned = build.plan();
    let codes = planned.codes();
    assert_eq!(codes, ["plan::aspect", "plan::duration", "plan::resolution"]);
    assert_eq!(planned.marked("plan::aspect"), "9:16");
    assert_eq!(planned.help("plan::duration"), "the nearest that it makes is 4 s");
}

#[test]
fn a_default_that_a_model_lacks_is_said_once_for_all_shots() {
    let build = Build::new().shot("mood", "a slow pan", |_| {}).model("narrow");
    let build = build.shot("other", "a slow pan", |_| {}).model("narrow").change(|build| {
        let place = build.place("4k");
        for shot in &mut build.catalogue.shots {
            shot.settings.resolution = Some(Placed { value: "4k".to_owned(), place });
        }
    });
    assert_eq!(build.plan().codes(), ["plan::resolution"]);
}

#[test]
fn an_unknown_model_names_the_nearest() {
    let planned = Build::new().shot("mood", "a slow pan", |_| {}).model("animatik").plan();
    assert_eq!(planned.help("plan::unknown_model"), "did you mean `animatic`?");
    assert_eq!(planned.marked("plan::unknown_model"), "animatik");
}

#[test]
fn two_shots_or_two_jobs_of_one_name_are_errors() {
    let build = Build::new().shot("mood", "a slow pan", |_| {}).shot("mood", "a pan", |_| {});
    assert_eq!(build.plan().codes(), ["plan::duplicate_shot"]);
    let build = Build::new().products(&[]).change(|build| {
        build.catalogue.out = build.template("clips/{{ shot.id }}.mp4");
    });
    let planned = build.shot("turn", "it turns", |_| {}).plan();
    assert_eq!(planned.codes().first(), Some(&"plan::same_path"));
    insta::assert_snapshot!(planned.message("plan::same_path"), @"`clips/turn.mp4` would be the clip of `products.mug/turn/-/1` and of `products.cup/turn/-/1`");
}

#[test]
fn a_path_that_leaves_the_workspace_is_refused() {
    let build = Build::new().change(|build| {
        build.catalogue.out = build.template("../{{ shot.id }}.mp4");
    });
    let planned = build.shot("mood", "a slow pan", |_| {}).plan();
    assert_eq!(planned.codes(), ["plan::out_path"]);
}

#[test]
fn a_damaged_picture_stops_the_plan_at_its_reference() {
    let build = Build::new().products(&["hero"]).change(|build| {
        let picture = &mut build.catalogue.pictures.items_mut()[1];
        picture.facts = Some(Err(PictureProblem::Damaged("it ends too early".into())));
    });
    let planned = build.shot("turn", "it turns", |_| {}).plan();
    insta::assert_snapshot!(planned.message("plan::picture"), @"`cup/hero.jpg` can't be used: it is damaged: it ends too early (`products.cup`)");
    assert_eq!(planned.marked("plan::picture"), "cup/hero.jpg");
}

#[test]
fn prompts_are_never_empty_or_too_long() {
    let planned = Build::new().products(&[]).shot("turn", "{{ '' }} ", |_| {}).plan();
    assert_eq!(planned.codes()[0], "plan::empty_prompt");
    let build = Build::new().shot("mood", "a very slow pan over the whole shelf", |_| {});
    let planned = build.model("narrow").plan();
    assert_eq!(planned.codes(), ["plan::prompt_too_long"]);
    let build = Build::new().shot("mood", "a slow pan", |_| {});
    let planned = build.change(|build| build.catalogue.limits.prompt_bytes = 5).plan();
    assert!(planned.help("plan::prompt_bytes").contains("--limit prompt_bytes"));
}

#[test]
fn more_jobs_than_the_limit_are_refused_by_its_name() {
    let build = Build::new().products(&[]).shot("turn", "it turns", |_| {});
    let planned = build.change(|build| build.catalogue.limits.jobs = 1).plan();
    assert!(planned.help("plan::too_many_jobs").contains("--limit jobs"));
    let build = Build::new().shot("mood", "a pan", |shot| shot.takes = 9);
    let planned = build.change(|build| build.catalogue.limits.jobs = 8).plan();
    assert_eq!(planned.codes(), ["plan::too_many_jobs"]);
}

#[test]
fn advice_is_given_once_a_shot() {
    let build = Build::new().products(&[]);
    let planned = build.shot("still", "a {{ title }} on the white marble", |_| {}).plan();
    assert_eq!(planned.codes(), ["plan::identity_at_risk", "plan::no_motion"]);
    assert!(planned.plan.is_some());
    assert!(planned.message("plan::identity_at_risk").contains("2 subjects"));
}

#[test]
fn a_shot_that_selects_nothing_is_a_warning() {
    let build = Build::new().products(&["hero"]).shot("turn", "it turns", |_| {});
    let planned = build.condition("price > 1000").plan();
    assert_eq!(planned.codes(), ["plan::empty_shot"]);
    assert_eq!(planned.marked("plan::empty_shot"), "price > 1000");
}

#[test]
fn a_condition_knows_id_and_kind() {
    let build = Build::new().products(&[]).shot("turn", "it turns", |_| {});
    let planned = build.condition("id == 'mug' and kind == 'product'").plan();
    assert_eq!(planned.addresses(), ["products.mug/turn/-/1"]);
}

#[test]
fn an_empty_cell_is_not_above_any_number_and_the_plan_says_so() {
    let build = || {
        let build = Build::new().products(&["hero"]);
        let build = build.subject("vase", [Some("Vase"), Some("red"), Some("")], &["hero"]);
        build.shot("turn", "it turns", |_| {})
    };
    for condition in ["price > 20", "price < 20", "20 <= subject.price"] {
        let planned = build().condition(condition).plan();
        assert_eq!(planned.codes(), ["plan::not_comparable"], "{condition}");
        assert!(planned.message("plan::not_comparable").ends_with("(`products.vase`)"));
        assert_eq!(planned.addresses().len(), 1, "{condition}");
    }
    let planned = build().condition("price is number and price > 20").plan();
    assert_eq!(planned.codes(), [""; 0]);
}

#[test]
fn ids_with_special_characters_become_one_part_of_a_file_name() {
    let build = Build::new().products(&[]);
    let build = build.subject("a/b: c?", [Some("x"), Some("red"), Some("1")], &[]);
    let build = build.shot("s/1", "it turns", |_| {}).change(|build| {
        let out = "clips/{{ subject.id }}/{{ shot.id }}-{{ variant.aspect }}-{{ job.short }}.mp4";
        build.catalogue.out = build.template(out);
    });
    let planned = build.plan();
    let outs: Vec<String> = planned.jobs.iter().map(|(job, _)| job.out.clone()).collect();
    assert!(outs.iter().any(|out| out.starts_with("clips/a-b- c-/s-1-16-9-")), "{outs:?}");
}

#[test]
fn a_condition_that_names_nothing_is_an_error() {
    let build = Build::new().products(&["hero"]).shot("turn", "it turns", |_| {});
    let planned = build.condition("prise > 1000").plan();
    assert_eq!(planned.codes(), ["plan::condition"]);
}

#[test]
fn what_a_model_makes_alone_but_not_together_is_an_error() {
    let short = |resolution: &'static str, seconds: i64| {
        let build = Build::new().shot("mood", "a slow pan", |_| {}).model("narrow");
        let build = build.change(move |build| {
            let place = build.place("the-settings");
            let settings = &mut build.catalogue.shots[0].settings;
            settings.duration = Some(Placed { value: Decimal::from(seconds), place });
            settings.resolution = Some(Placed { value: resolution.to_owned(), place });
        });
        build.plan()
    };
    assert_eq!(short("720p", 4).codes(), [""; 0]);
    assert_eq!(short("480p", 8).codes(), [""; 0]);
    let planned = short("480p", 4);
    assert_eq!(planned.codes(), ["plan::not_together"]);
    insta::assert_snapshot!(planned.message("plan::not_together"), @"`narrow` makes no clip of 4 s at 480p (`mood`)");
    assert_eq!(planned.help("plan::not_together"), "there it makes 8 s");
}
