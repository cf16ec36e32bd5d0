//! What the reports say of money: that sums are sums, and that nothing in the way goes unsaid.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::plan::{FinanceLine, Tally};
use crate::report::plan::{FINANCE_CSV_HEADER, finance_csv};

fn finance(plan: &PlanSummary, cells: Cells) -> String {
    let mut out = Vec::new();
    finance_csv(plan, &mut out, cells).expect("a vector takes all");
    String::from_utf8(out).expect("CSV of text is text")
}

/// A column's sum, as a spreadsheet makes it.
fn sum_of(csv: &str, column: &str) -> Decimal {
    let at = FINANCE_CSV_HEADER.iter().position(|name| *name == column).expect("a column");
    let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
    let cells = reader.records().map(|r| r.expect("a record")[at].to_owned());
    cells.filter(|c| !c.is_empty()).map(|c| c.parse::<Decimal>().expect("a decimal")).sum()
}

#[test]
fn finance_lines_are_of_one_set_and_one_model() {
    insta::assert_snapshot!("finance_csv", finance(&samples::reviewed(), Cells::Exact));
}

#[test]
fn what_has_no_price_is_empty_and_counted() {
    let mut plan = samples::reviewed();
    plan.finance.truncate(1);
    plan.finance[0].tally = Tally { unpriced: 3, ..samples::tally(3, "15", None) };
    let csv = finance(&plan, Cells::Exact);
    assert!(csv.contains(r#","credits",3,15,"","","",3,"","",0,"#), "{csv}");
}

fn amount() -> impl Strategy<Value = Decimal> {
    (0i64..10_000_000).prop_map(|n| Decimal::new(n, 4))
}

fn line() -> impl Strategy<Value = FinanceLine> {
    let names = ("[a-z=@+|,\" -]{1,8}", "[a-z/=-]{1,8}");
    let money = (amount(), amount(), amount(), amount(), prop::option::of(amount()));
    let counts = (1u64..1_000, 0u64..5, any::<bool>());
    (names, money, counts).prop_map(
        |((set, model), (low, more, most, extra, again), (jobs, unpriced, usd))| {
            let unit = if usd { "USD" } else { "credits" };
            let of =
                |value: Decimal| BTreeMap::from([(unit.to_owned(), value.normalize().to_string())]);
            FinanceLine {
                set,
                kind: "product".into(),
                provider: "acme".into(),
                model,
                tally: Tally {
                    jobs,
                    seconds: (jobs * 5).to_string(),
                    low: of(low),
                    estimate: of(low + more),
                    high: of(low + more + most + again.unwrap_or_default()),
                    with_retakes: again.map(|again| of(low + more + again)).unwrap_or_default(),
                    as_text: of(low),
                    image_extra: of(extra),
                    compared: jobs - unpriced.min(jobs),
                    unpriced: unpriced.min(jobs),
                },
            }
        },
    )
}

proptest! {
    #[test]
    fn the_finance_csv_sums_to_the_plan(lines in proptest::collection::vec(line(), 0..12)) {
        let plan = PlanSummary { finance: lines.clone(), ..samples::reviewed() };
        let csv = finance(&plan, Cells::Spreadsheet);
        let sum = |of: fn(&Tally) -> &crate::plan::AmountsJson| -> Decimal {
            let values = lines.iter().flat_map(|l| of(&l.tally).values());
            values.map(|v| v.parse::<Decimal>().expect("a decimal")).sum()
        };
        let count = |of: fn(&Tally) -> u64| -> Decimal {
            lines.iter().map(|l| of(&l.tally)).sum::<u64>().into()
        };
        prop_assert_eq!(sum_of(&csv, "low"), sum(|t| &t.low));
        prop_assert_eq!(sum_of(&csv, "expected"), sum(|t| &t.estimate));
        prop_assert_eq!(sum_of(&csv, "high"), sum(|t| &t.high));
        let with_retakes = |line: &FinanceLine| match line.tally.with_retakes.is_empty() {
            true => line.tally.estimate.clone(),
            false => line.tally.with_retakes.clone(),
        };
        let with_retakes = lines.iter().flat_map(|line| with_retakes(line).into_values());
        let with_retakes: Decimal = with_retakes.map(|v| v.parse::<Decimal>().expect("a decimal")).sum();
        prop_assert_eq!(sum_of(&csv, "with_retakes"), with_retakes);
        prop_assert_eq!(sum_of(&csv, "as_text"), sum(|t| &t.as_text));
        prop_assert_eq!(sum_of(&csv, "image_extra"), sum(|t| &t.image_extra));
        prop_assert_eq!(sum_of(&csv, "jobs"), count(|t| t.jobs));
        prop_assert_eq!(sum_of(&csv, "unpriced"), count(|t| t.unpriced));
        prop_assert_eq!(sum_of(&csv, "compared"), count(|t| t.compared));
    }

    #[test]
    fn no_finance_cell_for_a_spreadsheet_starts_a_formula(text in hostile()) {
        let mut plan = samples::reviewed();
        for line in &mut plan.finance {
            (line.set, line.model, line.provider) = (text.clone(), text.clone(), text.clone());
        }
        let csv = finance(&plan, Cells::Spreadsheet);
        let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
        for record in reader.records() {
            for cell in record?.iter() {
                prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{}", cell);
            }
        }
    }
}

#[test]
fn the_samples_finance_lines_are_its_totals() {
    let plan = samples::reviewed();
    let csv = finance(&plan, Cells::Exact);
    let total = |by_unit: &crate::plan::AmountsJson| by_unit["credits"].parse::<Decimal>();
    assert_eq!(Ok(sum_of(&csv, "low")), total(&plan.to_run.low));
    assert_eq!(Ok(sum_of(&csv, "expected")), total(&plan.to_run.estimate));
    assert_eq!(Ok(sum_of(&csv, "high")), total(&plan.to_run.high));
}

#[test]
fn the_verdict_says_all_that_stands_in_the_way() {
    let mut plan = samples::reviewed();
    plan.to_run.unpriced = 2;
    insta::assert_snapshot!(verdict(&plan), @"1,340 clips to make, 1 h 52 m of video, at least 14,540.50 credits and 2 unpriced (12,840.50 to 27,040.50); 60 done already. That is 16.3 % more than the plan that ana approved on 2026-11-20. It can't be approved while 2 jobs are unpriced and max_per_job denies it.");
    plan.breaches.clear();
    plan.to_run.unpriced = 0;
    plan.since_approval = None;
    insta::assert_snapshot!(verdict(&plan), @"1,340 clips to make, 1 h 52 m of video, 14,540.50 credits (12,840.50 to 27,040.50); 60 done already.");
}

#[test]
fn a_denied_plan_names_the_rule_to_mend_and_offers_no_run() {
    let steps = next_steps(&samples::reviewed()).join("\n");
    assert!(steps.contains("`guardrails.max_per_job` at `shop.yaml:42:5`"), "{steps}");
    assert!(!steps.contains("kinora run") && !steps.contains("kinora approve"), "{steps}");
    let mut warned = samples::reviewed();
    warned.breaches.retain(|b| b.severity == crate::plan::Severity::Warn);
    let steps = next_steps(&warned).join("\n");
    assert!(steps.contains("kinora approve"), "{steps}");
}

#[test]
fn the_marker_is_the_same_for_every_plan_of_a_manifest_and_can_not_be_broken() {
    let first_line = |name: &str| {
        let plan = PlanSummary { name: name.into(), ..samples::reviewed() };
        plan_markdown(&plan, &[]).lines().next().expect("a line").to_owned()
    };
    assert_eq!(first_line("spring-storefront"), "<!-- kinora:plan spring-storefront -->");
    assert_eq!(first_line("a --> b\n<b>"), "<!-- kinora:plan a-b-b -->");
    assert_eq!(first_line("-->"), "<!-- kinora:plan -->");
}

#[test]
fn a_huge_plan_fits_a_comment_and_says_what_was_cut() {
    let plan = samples::huge();
    let jobs: Vec<JobLine> = samples::jobs().into_iter().cycle().take(10_000).collect();
    let text = plan_markdown(&plan, &jobs);
    assert!(text.len() <= MARKDOWN_BYTES, "{}", text.len());
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    for cut in ["more breaches,", "more findings,", "more rows,", "more prices,", "more clips,"] {
        assert!(text.contains(cut), "{cut}");
    }
}

#[test]
fn every_row_of_a_table_has_as_many_cells_as_its_head() {
    for (name, plan) in plans() {
        let text = plan_markdown(&plan, &samples::jobs());
        let mut cells = None;
        for line in text.lines() {
            let n = line.starts_with('|').then(|| line.matches('|').count());
            assert!(n.is_none() || cells.is_none() || n == cells, "{name}: {line}");
            cells = n;
        }
    }
}
