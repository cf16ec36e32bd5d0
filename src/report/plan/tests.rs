//! What people see of a plan, in every form.

use proptest::prelude::*;

use super::samples;
use super::*;
use crate::cells::Cells;
use crate::plan::{JobLine, PlanSummary};
use crate::report::layout::shown_width;
use crate::report::markdown::MARKDOWN_BYTES;

mod money;
mod page;

fn plans() -> [(&'static str, PlanSummary); 6] {
    [
        ("reviewed", samples::reviewed()),
        ("retaken", samples::retaken()),
        ("first", samples::first()),
        ("mixed", samples::mixed()),
        ("nothing_to_do", samples::nothing_to_do()),
        ("empty", samples::empty()),
    ]
}

fn csv_of(jobs: &[JobLine], cells: Cells) -> String {
    let mut csv = PlanCsv::new(Vec::new(), cells).expect("a vector takes all");
    for job in jobs {
        csv.write(job).expect("a vector takes all");
    }
    String::from_utf8(csv.finish().expect("a vector takes all")).expect("CSV of text is text")
}

#[test]
fn text_reads_well_at_80_and_at_160_columns() {
    for (name, plan) in plans() {
        for width in [80, 160] {
            let text = plan_text(&plan, width, false);
            for line in text.lines() {
                assert!(shown_width(line) <= width, "{name}: {line:?} is wider than {width}");
            }
            insta::assert_snapshot!(format!("plan_text_{name}_{width}"), text);
        }
    }
}

#[test]
fn colour_changes_nothing_but_colour() {
    let plan = samples::mixed();
    let coloured = plan_text(&plan, 80, true);
    let mut bare = String::new();
    for (i, part) in coloured.split('\u{1b}').enumerate() {
        bare.push_str(if i == 0 { part } else { part.split_once('m').map_or("", |(_, r)| r) });
    }
    assert_ne!(coloured, bare);
    assert_eq!(bare, plan_text(&plan, 80, false));
}

#[test]
fn markdown_is_a_comment_on_a_pull_request() {
    for (name, plan) in plans() {
        let jobs = samples::jobs();
        insta::assert_snapshot!(format!("plan_markdown_{name}"), plan_markdown(&plan, &jobs));
    }
}

#[test]
fn markdown_stays_small_and_counts_what_it_cut() {
    let mut plan = samples::mixed();
    plan.to_run.jobs = 100_000;
    let jobs: Vec<JobLine> = samples::jobs().into_iter().cycle().take(3_000).collect();
    let text = plan_markdown(&plan, &jobs);
    assert!(text.len() <= MARKDOWN_BYTES, "{}", text.len());
    let listed = text.matches("- <code>").count();
    assert!(listed > 50);
    assert!(text.contains("more clips, left out here."));
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
}

#[test]
fn csv_has_one_line_a_job() {
    let jobs = samples::jobs();
    insta::assert_snapshot!("plan_csv", csv_of(&jobs, Cells::Exact));
    insta::assert_snapshot!("plan_csv_spreadsheet", csv_of(&jobs[1..2], Cells::Spreadsheet));
}

#[test]
fn json_is_versioned_and_fits_its_schema() {
    let schema = jsonschema::validator_for(&plan_schema()).expect("a valid schema");
    for (name, plan) in plans() {
        let with_jobs = PlanJson::new(plan, Some(samples::jobs()));
        let text = plan_json(&with_jobs).expect("a plan is JSON");
        let value: serde_json::Value = serde_json::from_str(&text).expect("valid JSON");
        let errors: Vec<String> = schema.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        let again: PlanJson = serde_json::from_str(&text).expect("it reads its own words");
        assert_eq!(plan_json(&again).expect("a plan is JSON"), text, "{name}");
        insta::assert_snapshot!(format!("plan_json_{name}"), text);
    }
}

#[test]
fn the_shipped_schema_is_that_of_the_types() {
    crate::report::schema_file::check("plan.schema.json", &plan_schema());
}

#[test]
fn jobs_beyond_the_cap_are_counted() {
    let mut plan = samples::first();
    plan.all.jobs = 25_000;
    let many = samples::jobs().into_iter().cycle().take(25_000);
    let json = PlanJson::new(plan, Some(many));
    assert_eq!(json.jobs.as_ref().map(Vec::len), Some(JOBS_IN_JSON));
    assert_eq!(json.jobs_omitted, 25_000 - JOBS_IN_JSON as u64);
}

#[test]
fn unpriced_is_never_shown_as_nothing() {
    let mut plan = samples::first();
    plan.to_run = crate::plan::Tally { unpriced: 38, ..samples::tally(38, "190", None) };
    assert!(verdict(&plan).contains("cost not known"), "{}", verdict(&plan));
    assert!(!verdict(&plan).contains("0 credits"));
    assert!(plan_text(&plan, 80, false).contains("unpriced"));
}

#[test]
fn a_plan_over_budget_says_so_and_offers_no_run() {
    let steps = next_steps(&samples::mixed()).join("\n");
    assert!(verdict(&samples::mixed()).contains("Over budget: per_run."));
    assert!(steps.contains("budget.per_run"), "{steps}");
    assert!(!steps.contains("kinora run"), "{steps}");
}

/// Text that tries to be markup, a formula, a cell, an escape.
fn hostile() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            Just("</script><script>alert(1)</script>"),
            Just("|"),
            Just("\n"),
            Just("\r\n"),
            Just("`"),
            Just("```\n"),
            Just("<details>"),
            Just("-->"),
            Just("@octocat"),
            Just("#12"),
            Just("\u{1b}[2J"),
            Just("\","),
            Just("=1+1"),
            Just("[a](b)"),
            Just("&lt;"),
            Just("* "),
            Just("\u{202e}"),
            Just("日本語"),
            Just("word"),
        ],
        0..8,
    )
    .prop_map(|parts| parts.concat())
}

fn job_with(text: &str) -> JobLine {
    JobLine {
        address: text.into(),
        subject: Some(text.into()),
        shot: text.into(),
        model: text.into(),
        references: vec![text.into()],
        prompt: text.into(),
        unit: Some(text.into()),
        out: text.into(),
        ..samples::jobs().remove(0)
    }
}

fn plan_with(text: &str) -> PlanSummary {
    let mut plan = samples::mixed();
    plan.name = text.into();
    plan.manifest = text.into();
    plan.by_shot[0].name = text.into();
    plan.by_model[0].name = text.into();
    plan.findings[0].message = text.into();
    plan.findings[0].help = Some(text.into());
    plan.findings[0].at = Some(text.into());
    plan.changes.orphaned_examples = vec![text.into()];
    plan.prices[0].source = text.into();
    plan
}

/// What is left of Markdown when names and sentences are gone: its markup.
fn markup(text: &str) -> String {
    text.chars().filter(|c| "|<>`*[]#@\n".contains(*c)).collect()
}

proptest! {
    #[test]
    fn csv_gives_back_what_went_in(text in hostile()) {
        let csv = csv_of(&[job_with(&text)], Cells::Exact);
        let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
        let records: Vec<::csv::StringRecord> = reader.records().collect::<Result<_, _>>()?;
        prop_assert_eq!(records.len(), 1);
        for column in [0, 3, 4, 5, 12, 13, 15, 17] {
            prop_assert_eq!(&records[0][column], text.as_str());
        }
    }

    #[test]
    fn no_cell_for_a_spreadsheet_starts_a_formula(text in hostile()) {
        let csv = csv_of(&[job_with(&text)], Cells::Spreadsheet);
        let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
        for record in reader.records() {
            for cell in record?.iter() {
                prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{}", cell);
            }
        }
    }

    #[test]
    fn markdown_keeps_its_markup_whatever_users_write(text in hostile()) {
        // A path with a mark is quoted for the shell, which is no markup either.
        let hostile = plan_markdown(&plan_with(&text), &[job_with(&text)]);
        let calm = plan_markdown(&plan_with("word word"), &[job_with("word word")]);
        prop_assert_eq!(
            markup(&hostile.replace("&#", "")),
            markup(&calm.replace("&#", ""))
        );
    }

    #[test]
    fn text_has_no_escapes_and_keeps_its_width(text in hostile(), width in 48usize..200) {
        let shown = plan_text(&plan_with(&text), width, false);
        let misleads = shown.contains(['\u{1b}', '\u{202e}']);
        prop_assert!(!misleads);
        for line in shown.lines() {
            prop_assert!(shown_width(line) <= width, "{:?}", line);
        }
    }
}
