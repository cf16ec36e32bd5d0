//! The page: it stands alone, says everything, and stays small.

use proptest::prelude::*;

use super::*;
use crate::report::plan::{
    JobSample, PAGE_BYTES, PlanHtmlFacts, PlanHtmlOptions, SampledJobs, plan_html,
};

fn sampled(jobs: impl IntoIterator<Item = JobLine>) -> SampledJobs {
    let mut sample = JobSample::new(JobSample::MOST);
    jobs.into_iter().for_each(|job| sample.take(job));
    sample.finish()
}

fn page_of(plan: &PlanSummary, jobs: &SampledJobs) -> (String, PlanHtmlFacts) {
    let today = "2026-11-23".parse().expect("a date");
    let mut out = Vec::new();
    let facts =
        plan_html(plan, jobs, &PlanHtmlOptions::new(None, today), &mut out).expect("a page");
    (String::from_utf8(out).expect("a page is text"), facts)
}

/// The page without its style sheet and script, which are the same for all.
fn body(page: &str) -> &str {
    let from = page.find("<body>").expect("a body");
    &page[from..page.rfind("<script>").expect("a script")]
}

#[test]
fn a_page_says_everything_that_the_summary_knows() {
    for (name, plan) in plans() {
        let (page, _) = page_of(&plan, &sampled(samples::jobs()));
        insta::assert_snapshot!(format!("plan_html_{name}"), body(&page));
    }
}

#[test]
fn a_page_asks_nothing_of_any_network() {
    let (page, _) = page_of(&samples::reviewed(), &sampled(samples::jobs()));
    for remote in ["http:", "https:", "src=", "@import", "<link", "url(h", "url(/", "//"] {
        let found = page.matches(remote).count();
        // Two slashes begin the script's comments.
        let ours =
            if remote == "//" { include_str!("../html/page.js").matches("//").count() } else { 0 };
        assert_eq!(found, ours, "{remote}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn a_page_of_a_huge_plan_is_small_and_counts_what_it_left_out() {
    let long = "@hero turns slowly, soft <light> ".repeat(40);
    let jobs = (0..5_000).map(|i| JobLine {
        address: format!("products.{}-{i}/turn/aspect=9:16/1", "a-long-name-".repeat(20)),
        prompt: long.clone(),
        estimate: Some((i % 97).to_string()),
        ..samples::jobs().remove(0)
    });
    let unpriced = samples::jobs().into_iter().skip(1).take(1).cycle().take(500);
    let (page, facts) = page_of(&samples::huge(), &sampled(jobs.chain(unpriced)));
    assert!(page.len() < PAGE_BYTES, "{}", page.len());
    assert_eq!(facts.bytes, page.len());
    assert!(facts.jobs > 500, "{facts:?}");
    assert_eq!(facts.jobs_left_out, 1_500_000_000 - facts.jobs);
    for said in
        ["more are in the CSV report", "more rows are not on this page", "are not on this page"]
    {
        assert!(page.contains(said), "{said}");
    }
}

#[test]
fn the_same_plan_gives_the_same_page() {
    let page = || page_of(&samples::reviewed(), &sampled(samples::jobs())).0;
    assert_eq!(page(), page());
}

/// Names of tags, in order.
fn tags(page: &str) -> Vec<&str> {
    page.split('<').skip(1).map(|tag| tag.split([' ', '>']).next().unwrap_or_default()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn users_text_never_becomes_markup(text in hostile()) {
        let shown = |text: &str| {
            let mut plan = samples::reviewed();
            plan.name = text.into();
            plan.manifest = text.into();
            plan.unit = "credits".into();
            plan.by_shot[0].name = text.into();
            plan.by_set[0].name = text.into();
            plan.by_subject[0].name = text.into();
            plan.by_model[0].name = text.into();
            plan.prices[0].source = text.into();
            plan.findings[0].message = text.into();
            plan.breaches[0].message = text.into();
            plan.breaches[0].at = text.into();
            plan.selection = Some(text.into());
            if let Some(with) = &mut plan.since_approval {
                with.label = format!("a plan {text}");
                with.examples[0].address = text.into();
            }
            page_of(&plan, &sampled([job_with(text)])).0
        };
        let (hostile, calm) = (shown(&format!("word{text}")), shown("word"));
        let same = tags(body(&hostile)) == tags(body(&calm));
        prop_assert!(same, "other tags than those of a calm text");
        let misleads = hostile.contains(['\u{1b}', '\u{202e}']);
        prop_assert!(!misleads);
    }
}
