//! The summary of a plan: its sums by every grouping, its prices, what it means for each budget.
//!
//! What lives here: turning what was gathered from all jobs into the summary. What never does:
//! looking at a job, deciding whether the plan may be approved.

use rust_decimal::Decimal;

use super::actuals::actuals;
use super::build::{Gathered, PlanInputs, Used, UsedBy};
use super::checked::checked;
use super::summary::{
    BudgetLine, FinanceLine, FindingOut, Group, Named, NotCompared, PLAN_FORMAT, PlanSummary,
    PriceUsed,
};
use super::tally::{CellKey, Cells, SubjectSums, Tallies};
use super::wall_time::wall_time;
use crate::diagnostic::{Findings, render_json};
use crate::digest::Digest;
use crate::manifest::{Budget, BudgetShare, Catalogue, Limit, LimitOf, SubjectRef};
use crate::models::{Route, Shelf};

/// How many subjects a summary lists.
const SUBJECTS_LISTED: usize = 100;

/// What groups of jobs without a subject are called.
const NO_SUBJECT: &str = "none";

/// The summary of a plan. `choices` and everything that needs the plan's digest are left empty.
pub(super) fn summarise(
    gathered: &Gathered,
    catalogue: &Catalogue,
    shelf: &Shelf,
    inputs: &PlanInputs<'_>,
    digest: Digest,
    findings: &Findings,
) -> PlanSummary {
    let unit = &catalogue.budget.unit;
    let Tallies { cells, subjects, dearest } = &gathered.tallies;
    let shot = |index: u32| catalogue.shots[index as usize].id.to_string();
    let set = |index: u32| &catalogue.sets[index as usize];
    PlanSummary {
        format_version: PLAN_FORMAT.to_owned(),
        name: catalogue.name.clone(),
        manifest: inputs.manifest.to_owned(),
        named: Named::default(),
        plan: digest.to_string(),
        unit: unit.to_string(),
        all: cells.sum(|_| true).tally(unit),
        to_run: cells.sum(|cell| cell.runs).tally(unit),
        not_compared: not_compared(cells),
        changes: gathered.changes.clone(),
        by_shot: cells.groups(unit, |cell| cell.shot, shot),
        // Shots without a subject come last.
        by_set: cells.groups(
            unit,
            |cell| (cell.set.is_none(), cell.set),
            |(_, index)| index.map_or(NO_SUBJECT, |index| &*set(index).name).to_owned(),
        ),
        by_subject: by_subject(subjects, catalogue),
        subjects: subjects.len(),
        by_model: cells.groups(unit, |cell| &cell.card.model, Clone::clone),
        by_provider: cells.groups(unit, |cell| &cell.card.provider, Clone::clone),
        by_route: cells.groups(unit, |cell| cell.route, |route| route.to_string()),
        by_kind: cells.groups(
            unit,
            |cell| (cell.set.is_none(), cell.set.map(|index| set(index).kind)),
            |(_, kind)| kind.map_or(NO_SUBJECT, |kind| kind.as_str()).to_owned(),
        ),
        finance: finance(cells, catalogue),
        checked: checked(cells, catalogue),
        choices: Vec::new(),
        crops: Vec::new(),
        prices: prices(cells, shelf, &catalogue.budget),
        dearest: dearest.jobs(),
        dearest_with_retakes: dearest.most_with_retakes(),
        wall_time: wall_time(cells, catalogue, inputs.access, &inputs.history),
        actuals: actuals(&inputs.history),
        budgets: budgets(catalogue, shelf, &gathered.tallies, &inputs.used),
        breaches: Vec::new(),
        selection: inputs.narrowing.words(),
        since_approval: None,
        approval: None,
        pictures: inputs.pictures.clone(),
        findings: render_json(findings, &catalogue.sources)
            .into_iter()
            .map(FindingOut::from)
            .collect(),
        findings_left_out: findings.left_out().map(|(code, n)| (code.to_owned(), n)).collect(),
    }
}

/// Sums by set and model, which don't overlap; shots without a subject come last.
fn finance(cells: &Cells, catalogue: &Catalogue) -> Vec<FinanceLine> {
    let parts = cells.by(|cell| {
        let card = &cell.card;
        (cell.set.is_none(), cell.set, card.provider.as_str(), card.model.as_str())
    });
    let lines = parts.into_iter().map(|((_, set, provider, model), sums)| {
        let set = set.map(|index| &catalogue.sets[index as usize]);
        FinanceLine {
            set: set.map_or(NO_SUBJECT, |set| &*set.name).to_owned(),
            kind: set.map_or(NO_SUBJECT, |set| set.kind.as_str()).to_owned(),
            provider: provider.to_owned(),
            model: model.to_owned(),
            tally: sums.tally(&catalogue.budget.unit),
        }
    });
    lines.collect()
}

/// Why jobs that a run would start are not compared with the text route.
fn not_compared(cells: &Cells) -> NotCompared {
    let has_text = |cell: &CellKey| cell.card.routes.contains_key(&Route::Text);
    let without = cells.sum(|cell| cell.runs && !has_text(cell));
    let with = cells.sum(|cell| cell.runs && has_text(cell));
    assert!(without.compared == 0, "what has no text route is compared with nothing");
    NotCompared {
        no_text_route: without.jobs - without.unpriced,
        text_unpriced: with.jobs - with.unpriced - with.compared,
    }
}

/// The dearest subjects.
fn by_subject(subjects: &SubjectSums, catalogue: &Catalogue) -> Vec<Group> {
    let unit = &catalogue.budget.unit;
    let dearest = subjects.dearest(SUBJECTS_LISTED).into_iter();
    let group = |(at, sums): (SubjectRef, &super::tally::Sums)| Group {
        name: catalogue.subject_name(at),
        tally: sums.tally(unit),
    };
    dearest.map(group).collect()
}

/// The price lists of the plan's models, oldest first.
fn prices(cells: &Cells, shelf: &Shelf, budget: &Budget) -> Vec<PriceUsed> {
    let mut models: Vec<&str> = cells.models().map(|card| card.model.as_str()).collect();
    models.sort_unstable();
    models.dedup();
    let price = |model: &str| {
        let card = shelf.get(model)?;
        let price = card.price.as_ref()?;
        Some(PriceUsed {
            model: card.model.clone(),
            unit: price.unit.to_string(),
            as_of: price.as_of.to_string(),
            source: price.source.clone(),
            from: shelf.price_origin(model).map(|origin| origin.from).unwrap_or_default(),
            valid_until: price.valid_until.map(|day| day.to_string()),
            rate: budget.rates.get(&price.unit).map(|rate| rate.normalize().to_string()),
            rate_as_of: budget.rates_as_of.get(&price.unit).map(|day| day.to_string()),
        })
    };
    let mut prices: Vec<PriceUsed> = models.into_iter().filter_map(price).collect();
    prices.sort_by(|a, b| a.as_of.cmp(&b.as_of));
    prices
}

/// What a plan means for each budget. Unpriced jobs are not in it: they block the approval.
fn budgets(
    catalogue: &Catalogue,
    shelf: &Shelf,
    tallies: &Tallies,
    used: &Used,
) -> Vec<BudgetLine> {
    let cells = &tallies.cells;
    // Each retake is an attempt of its own, which the budgets must hold too.
    let to_run = cells.sum(|cell| cell.runs).with_retakes.to_decimal();
    let budget = &catalogue.budget;
    let whole = BudgetShare {
        per_run: budget.per_run.clone(),
        per_day: budget.per_day.clone(),
        per_month: budget.per_month.clone(),
    };
    let per_job = line(
        "per_job".to_owned(),
        budget.per_job.as_ref(),
        Decimal::ZERO,
        tallies.dearest.most().to_decimal(),
    );
    let mut lines = Vec::from_iter(per_job);
    lines.extend(share_lines("", &whole, used.whole, to_run));
    let provider = |model: &str| shelf.get(model).map_or("", |card| card.provider.as_str());
    let account = |model: &str| {
        let settings = catalogue.providers.get(provider(model));
        settings.map_or("", |settings| settings.account.as_str())
    };
    let tables = [
        (LimitOf::Model, &budget.models),
        (LimitOf::Provider, &budget.providers),
        (LimitOf::Account, &budget.accounts),
    ];
    for (of, table) in tables {
        for (name, share) in table {
            let concerns = |model: &str| match of {
                LimitOf::Model => model == name,
                LimitOf::Provider => provider(model) == name,
                LimitOf::Account => account(model) == name,
            };
            if cells.models().any(|card| concerns(&card.model)) {
                let planned = cells.sum(|cell| cell.runs && concerns(&cell.card.model));
                let planned = planned.with_retakes.to_decimal();
                let used = used.shares.get(&(of, name.clone())).copied().unwrap_or_default();
                let prefix = format!("{}.{name}.", of.key());
                lines.extend(share_lines(&prefix, share, used, planned));
            }
        }
    }
    lines
}

/// The lines of the whole budget or of a share of it.
fn share_lines(
    prefix: &str,
    share: &BudgetShare,
    used: UsedBy,
    planned: Decimal,
) -> impl Iterator<Item = BudgetLine> {
    let spans = [
        ("per_run", &share.per_run, Decimal::ZERO),
        ("per_day", &share.per_day, used.day),
        ("per_month", &share.per_month, used.month),
    ];
    let lines = spans
        .map(|(span, limit, used)| line(format!("{prefix}{span}"), limit.as_ref(), used, planned));
    lines.into_iter().flatten()
}

fn line(
    name: String,
    limit: Option<&Limit>,
    used: Decimal,
    planned: Decimal,
) -> Option<BudgetLine> {
    let limit = limit?.amount;
    Some(BudgetLine {
        name,
        limit: limit.normalize().to_string(),
        used: used.normalize().to_string(),
        fits: used.saturating_add(planned) <= limit,
    })
}
