//! What people see of what was made, in every form.

use std::time::Duration;

use proptest::prelude::*;

use super::samples::{empty, job, judged, report};
use super::*;
use crate::cells::Cells;
use crate::ledger::JobState;
use crate::plan::Actual;
use crate::report::layout::shown_width;
use crate::report::markdown::MARKDOWN_BYTES;

fn page_of(report: &RunReport, cards: usize) -> (String, HtmlFacts) {
    let mut options = HtmlOptions::new("/nowhere", "/nowhere");
    options.cards = cards;
    let mut out = Vec::new();
    let facts = html(report, &options, &mut out).expect("a vector takes all");
    (String::from_utf8(out).expect("a page is text"), facts)
}

fn csv_of(jobs: &[JobView], cells: Cells) -> String {
    let mut csv = RunCsv::new(Vec::new(), "credits", cells).expect("a vector takes all");
    for job in jobs {
        csv.write(job).expect("a vector takes all");
    }
    String::from_utf8(csv.finish().expect("a vector takes all")).expect("CSV of text is text")
}

#[test]
fn status_reads_well_at_80_and_at_160_columns() {
    for (name, report) in [("some", report()), ("judged", judged()), ("empty", empty())] {
        for width in [80, 160] {
            insta::assert_snapshot!(
                format!("status_{name}_{width}"),
                status_text(&report, width, false)
            );
        }
    }
}

#[test]
fn what_waits_for_a_person_says_what_it_holds_and_what_to_do() {
    let mut waiting = report();
    waiting.manifest = "my shop/kinora.yaml".into();
    waiting.lookup = true;
    waiting.add(job("products.mug-terra", "late", JobState::Lost));
    let mut parked = job("products.mug-terra", "heavy", JobState::Submitted);
    parked.interruptions = 2;
    waiting.add(parked);
    let mut written_off = job("products.mug-terra", "gone", JobState::Lost);
    written_off.written_off = true;
    waiting.add(written_off);
    for _ in 0..21 {
        waiting.omit(&job("products.mug-terra", "more", JobState::Unknown), None);
    }
    for width in [80, 160] {
        insta::assert_snapshot!(
            format!("attention_{width}"),
            attention_text(&waiting, width, false)
        );
    }
    insta::assert_snapshot!("attention_markdown", run_markdown(&waiting));
    let (page, _) = page_of(&waiting, 10);
    assert!(page.contains("22 submissions of unknown outcome hold 275 credits"));
    assert!(page.contains("1 finished clip was gone before a run could fetch it"));
    assert!(
        page.contains("<code>kinora resolve &#x27;my shop&#x2f;kinora.yaml&#x27; --lookup</code>")
    );
    assert_eq!(attention_text(&empty(), 80, false), "");
}

#[test]
fn markdown_says_what_to_look_at_first() {
    insta::assert_snapshot!("run_markdown", run_markdown(&report()));
    insta::assert_snapshot!("run_markdown_empty", run_markdown(&empty()));
    insta::assert_snapshot!("run_markdown_judged", run_markdown(&judged()));
}

#[test]
fn markdown_stays_small() {
    let mut many = report();
    for _ in 0..2_000 {
        many.add(job("products.mug-terra", "turn", JobState::Failed));
        many.add(job("products.mug-terra", "turn", JobState::Done));
    }
    let text = run_markdown(&many);
    assert!(text.len() <= MARKDOWN_BYTES, "{}", text.len());
    assert!(text.contains("left out here"));
}

#[test]
fn csv_has_one_line_a_job() {
    insta::assert_snapshot!("run_csv", csv_of(&report().jobs, Cells::Exact));
    insta::assert_snapshot!("run_csv_judged", csv_of(&judged().jobs, Cells::Exact));
}

#[test]
fn json_is_versioned_and_fits_its_schema() {
    let schema = jsonschema::validator_for(&run_schema()).expect("a valid schema");
    for (name, report) in [("run_json", report()), ("run_json_judged", judged())] {
        let text = run_json(&report).expect("a report is JSON");
        let value: serde_json::Value = serde_json::from_str(&text).expect("valid JSON");
        let errors: Vec<String> = schema.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        let again: RunReport = serde_json::from_str(&text).expect("it reads its own words");
        assert_eq!(again, report);
        insta::assert_snapshot!(name, text);
    }
}

#[test]
fn the_shipped_schema_is_that_of_the_types() {
    crate::report::schema_file::check("report.schema.json", &run_schema());
}

#[test]
fn totals_keep_what_is_unknown_apart() {
    let totals = report().totals;
    assert_eq!(totals.jobs, 5);
    assert_eq!(totals.spent, 25.into());
    assert_eq!(totals.reserved.to_string(), "12.5");
    assert_eq!(totals.unknown.to_string(), "12.5");
}

#[test]
fn money_of_earlier_attempts_counts_and_what_was_written_off_is_shown() {
    let mut again = report();
    assert!(!status_text(&again, 80, false).contains("written off"));
    // Beside the 50 of the latest attempts, 13 were settled by earlier ones, 12.5 of it written off.
    again.add_earlier_attempts(63.into(), "12.5".parse().expect("a decimal"));
    assert_eq!(again.totals.spent, 38.into());
    let text = status_text(&again, 80, false);
    assert!(text.contains("38 credits spent"), "{text}");
    assert!(text.contains("  … of it written off            12.50\n"), "{text}");
    let markdown = run_markdown(&again);
    assert!(markdown.contains("Spent 38 credits (12.50 of it written off)"), "{markdown}");
    let (page, _) = page_of(&again, 10);
    assert!(page.contains("of it written off"));
    // A total from before the latest write hides nothing that the jobs show.
    again.add_earlier_attempts(1.into(), 0.into());
    assert_eq!(again.totals.spent, 38.into());
}

#[test]
fn a_lookup_is_advised_only_where_a_provider_keeps_a_list() {
    let mut doubtful = report();
    assert!(!attention_text(&doubtful, 80, false).contains("--lookup"));
    doubtful.lookup = true;
    assert!(attention_text(&doubtful, 80, false).contains("`kinora resolve . --lookup`"));
}

#[test]
fn a_run_ends_with_what_came_of_it_and_how_to_go_on() {
    let clean = RunEnd {
        done: 38,
        unit: "credits".into(),
        elapsed: Duration::from_millis(83_400),
        ..RunEnd::default()
    };
    let mut shown = run_text(&clean, 80, false);
    let mixed = RunEnd {
        failed: 2,
        refused: 1,
        unknown: 1,
        over_budget: 1_200,
        left: 3,
        spent: "475".parse().expect("a decimal"),
        reserved: "12.5".parse().expect("a decimal"),
        next: Some("`kinora run m.yaml` goes on from here.".into()),
        ..clean
    };
    shown.push_str(&format!("---\n{}", run_text(&mixed, 80, false)));
    let nothing = RunEnd { unit: "credits".into(), ..RunEnd::default() };
    shown.push_str(&format!("---\n{}", run_text(&nothing, 80, false)));
    insta::assert_snapshot!("run_text", shown);
}

#[test]
fn an_attempt_of_the_ledger_becomes_a_job() {
    let request = serde_json::json!({
        "address": "products.mug/turn/aspect=9:16/2",
        "model": "animatic", "provider": "animatic", "route": "image",
        "prompt": "push in",
        "settings": {"duration": "5", "aspect": "9:16", "resolution": "720p", "width": 720,
            "height": 1280, "fps": 24, "seed": null},
        "references": [], "out": "clips/a.mp4", "fingerprint": "00".repeat(32),
        "shot": "turn", "subject": "products.mug",
    });
    let at = "2026-08-20T09:30:00Z".parse().expect("a time");
    let mut attempt = crate::ledger::AttemptRecord {
        id: 1,
        job: 1,
        address: crate::address::Address::from_stored("products.mug/turn/aspect=9:16/2"),
        state: JobState::Submitted,
        number: 1,
        retake: 0,
        plan: crate::digest::Digest::of(b"plan"),
        request: request.to_string(),
        remote_id: None,
        reserved: crate::money::Micros::from_decimal(5.into()).expect("an amount"),
        settled: crate::money::Micros::ZERO,
        message: None,
        started: at,
        updated: at,
        fingerprint: crate::digest::Digest::of(b"request"),
        parts: [0; 4],
        provider: "animatic".into(),
        model: "animatic".into(),
        account: String::new(),
        estimate: crate::money::Micros::from_decimal(5.into()).expect("an amount"),
        basis: None,
        ready: None,
        expires: None,
        interruptions: 0,
        clip: None,
    };
    let open = JobView::from_attempt(&attempt).expect("a sound request");
    assert_eq!((open.variant.as_deref(), open.take), (Some("aspect=9:16"), 2));
    assert_eq!((open.cost, open.reserved, open.finished), (None, Some(5.into()), None));
    attempt.state = JobState::Refused;
    attempt.reserved = crate::money::Micros::ZERO;
    let refused = JobView::from_attempt(&attempt).expect("a sound request");
    assert_eq!((refused.cost, refused.reserved), (Some(0.into()), None));
    attempt.request = "{".into();
    assert!(JobView::from_attempt(&attempt).is_err());
}

#[test]
fn a_page_shows_a_part_of_a_hundred_thousand_jobs_and_says_so() {
    let mut many = empty();
    for i in 0..100_000 {
        many.add(job(&format!("products.p{i}"), "turn", JobState::Done));
    }
    many.add(job("products.late", "turn", JobState::Failed));
    let (page, facts) = page_of(&many, HtmlOptions::CARDS);
    assert_eq!((facts.cards, facts.left_out), (2_000, 98_001));
    assert!(page.contains("98,001 more are not on it"));
    assert!(page.contains("products.late"), "what failed comes first");
    assert!(page.len() < 10_000_000, "{}", page.len());
}

#[test]
fn a_page_asks_nothing_of_any_network() {
    let (page, _) = page_of(&report(), 10);
    for word in ["http://", "https://", "//cdn", "@import", "<link", "url(h", " src=\"h"] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn a_page_names_clips_and_pictures_that_are_gone() {
    let (page, facts) = page_of(&report(), 10);
    assert_eq!(
        facts.missing,
        [
            "clips/products.mug-terra/reel.mp4",
            "clips/products.mug-terra/turn.mp4",
            "images/front.jpg"
        ]
    );
    assert_eq!(page.matches("The clip is not where the ledger says").count(), 2);
}

#[test]
fn nothing_made_is_a_calm_page() {
    let (page, _) = page_of(&empty(), 10);
    assert!(page.contains("Nothing was made yet."));
    assert!(!page.contains("role=\"search\""));
}

#[test]
fn a_page_shows_clips_against_their_references_worst_first() {
    let (page, facts) = page_of(&judged(), 20);
    let at = |words: &str| page.find(words).unwrap_or_else(|| panic!("{words}"));
    let row =
        |subject: &str| at(&format!("<article class=\"row\" data-subject=\"products.{subject}\""));
    let order =
        ["tin-skog", "mug-terra", "candle-amber", "watch-nord", "dropper-linnea", "lamp-måne"];
    let places: Vec<usize> = order.iter().map(|subject| row(subject)).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(at("<details class=\"passing\">") < row("bottle-hav"));
    assert!(page.contains("11 clips looked at: 3 fail, 1 not inspected, 2 to review and 5 pass."));
    assert!(page.contains("1 clip of 4 of products.lamp-måne shows another colour."));
    assert!(page.contains("<strong>accepted</strong> by Ada: the light in the shop is that warm"));
    assert!(page.contains("made again once"));
    assert!(page.contains("data-verdict=\"not_inspected\" aria-pressed"));
    assert!(facts.missing.iter().any(|path| path.starts_with(".kinora/evidence/")));
    let (page, _) = page_of(&report(), 20);
    assert!(!page.contains("Clips against their references"), "nobody looked at any");
}

#[test]
fn a_page_lists_the_worst_of_many_clips_and_counts_the_rest() {
    let mut many = empty();
    for i in 0..1_000 {
        let mut clip = judged().jobs.swap_remove(1);
        clip.address = format!("products.p{i}/turn/-/1");
        many.add(clip);
    }
    let (page, _) = page_of(&many, 10);
    assert_eq!(page.matches("<article class=\"row\"").count(), 200);
    assert!(page.contains("These are the 200 worst; 800 more are not in this list."));
    assert!(page.len() < 1_000_000, "{}", page.len());
}

fn hostile() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            Just("</script><script>alert(1)</script>"),
            Just("</style>"),
            Just("<!--"),
            Just("<img src=x onerror=alert(1)>"),
            Just("\" onload=\"x"),
            Just("' x='"),
            Just("{{ card.address }}"),
            Just("{% raw %}"),
            Just("javascript:alert(1)"),
            Just("|"),
            Just("\n"),
            Just("`"),
            Just("@octocat"),
            Just("=1+1"),
            Just("\u{0}"),
            Just("\u{1b}[2J"),
            Just("\u{202e}"),
            Just("&lt;"),
            Just("../../etc/passwd"),
            Just("日本語"),
            Just("word"),
        ],
        1..8,
    )
    .prop_map(|parts| parts.concat())
}

fn report_with(text: &str) -> RunReport {
    let mut report = empty();
    report.name = text.into();
    report.unit = text.into();
    report.manifest = text.into();
    for state in
        [JobState::Done, JobState::Failed, JobState::Submitted, JobState::Unknown, JobState::Lost]
    {
        let mut job = job(text, text, state);
        job.address = text.into();
        job.variant = Some(text.into());
        job.model = text.into();
        job.provider = text.into();
        job.prompt = text.into();
        job.negative_prompt = Some(text.into());
        job.message = Some(text.into());
        job.settings.aspect = text.into();
        job.remote_id = Some(text.into());
        job.interruptions = 2;
        job.references[0].name = text.into();
        job.references[0].path = text.into();
        job.references[0].thumbnail = Some(text.into());
        job.word = judged().jobs[9].word.clone();
        if let Some(word) = &mut job.word {
            word.by = text.into();
            word.note = Some(text.into());
        }
        job.check = judged().jobs[1].check.clone();
        if let Some(check) = &mut job.check {
            check.measure = text.into();
            check.unlike = Some(text.into());
            check.detail.notes = vec![text.into()];
            check.detail.evidence = Some(text.into());
            check.detail.references[0].name = text.into();
            check.detail.parts[0].name = text.into();
            check.detail.references[0].parts[0].name = text.into();
            check.detail.references[0].parts[0].note = text.into();
            check.weakest = crate::export::Weakest::of(check.verdict, check.score, &check.detail);
        }
        if let Some(clip) = &mut job.clip {
            clip.path = text.into();
            clip.poster = Some(text.into());
            clip.digest = text.into();
        }
        report.add(job);
    }
    report
}

/// The page's markup: what a browser takes for tags and the ends of attributes.
fn markup(page: &str) -> String {
    page.chars().filter(|c| "<>\"'".contains(*c)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_page_keeps_its_markup_whatever_users_write(text in hostile()) {
        let (page, _) = page_of(&report_with(&text), 10);
        let (calm, _) = page_of(&report_with("word"), 10);
        prop_assert_eq!(markup(&page), markup(&calm));
        let unseen = page.contains(['\u{0}', '\u{1b}', '\u{202e}']);
        prop_assert!(!unseen);
    }

    #[test]
    fn csv_gives_back_what_went_in(text in hostile()) {
        let jobs = report_with(&text).jobs;
        let csv = csv_of(&jobs, Cells::Exact);
        let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
        let records: Vec<::csv::StringRecord> = reader.records().collect::<Result<_, _>>()?;
        prop_assert_eq!(records.len(), jobs.len());
        for column in [0, 1, 2, 3, 6, 12, 13, 18, 19, 24, 34, 35] {
            prop_assert_eq!(&records[0][column], text.as_str());
        }
    }

    #[test]
    fn markdown_keeps_its_markup_whatever_users_write(text in hostile()) {
        let marks = |t: &str| -> String {
            t.replace("&#", "").chars().filter(|c| "|<>`*[]#@\n".contains(*c)).collect()
        };
        prop_assert_eq!(
            marks(&run_markdown(&report_with(&text))),
            marks(&run_markdown(&report_with("word")))
        );
    }

    #[test]
    fn status_has_no_escapes_and_keeps_its_width(text in hostile(), width in 48usize..200) {
        let mut report = report_with(&text);
        report.unit = "credits".into();
        let shown = status_text(&report, width, false);
        let misleads = shown.contains(['\u{1b}', '\u{202e}']);
        prop_assert!(!misleads);
        for line in shown.lines() {
            prop_assert!(shown_width(line) <= width, "{:?}", line);
        }
    }
}

#[test]
fn what_was_charged_is_shown_against_what_was_estimated() {
    let actual =
        |model: &str, attempts, estimated: &str, charged: &str, error: Option<&str>| Actual {
            model: model.into(),
            attempts,
            estimated: estimated.into(),
            charged: charged.into(),
            error_percent: error.map(str::to_owned),
        };
    let mut checked = report();
    checked.actuals = vec![
        actual("fal/seedance-2.0", 1_240, "15500", "15810", Some("2.0")),
        actual("openrouter/wan-2.7", 3, "0.9", "0.75", Some("-16.7")),
        actual("home/free", 7, "0", "0.000001", None),
        actual("fal/veo-3.1", 2, "8", "8", Some("0.0")),
    ];
    for width in [80, 160] {
        let text = status_text(&checked, width, false);
        let block = text.split("\n\n").find(|block| block.starts_with("Charged"));
        insta::allow_duplicates! {
            insta::assert_snapshot!(block.unwrap_or_default(), @"
            Charged against estimates, in credits
              model               charged jobs  estimated    charged   off by
              fal/seedance-2.0           1,240  15,500.00  15,810.00   +2.0 %
              openrouter/wan-2.7             3       0.90       0.75  -16.7 %
              home/free                      7       0.00   0.000001        –
              fal/veo-3.1                    2       8.00       8.00    0.0 %
            ");
        }
    }
    let end = RunEnd {
        done: 3,
        unit: "USD".into(),
        actuals: checked.actuals.clone(),
        ..RunEnd::default()
    };
    let text = run_text(&end, 160, false);
    for said in [
        "  fal/seedance-2.0 charged 15,810 USD for 1,240 clips, estimated at 15,500 (+2.0 %).\n",
        "  openrouter/wan-2.7 charged 0.75 USD for 3 clips, estimated at 0.90 (-16.7 %).\n",
        "  home/free charged 0.000001 USD for 7 clips, estimated at 0 (–).\n",
        "  fal/veo-3.1 charged 8 USD for 2 clips, as estimated.\n",
    ] {
        assert!(text.contains(said), "{text}");
    }
    assert!(run_text(&end, 80, false).lines().all(|line| shown_width(line) <= 80));
    let markdown = run_markdown(&checked);
    assert!(markdown.contains("| 1,240 | 15,500 | 15,810 | +2.0 % |"), "{markdown}");
    assert!(!status_text(&report(), 80, false).contains("Charged"));
}
