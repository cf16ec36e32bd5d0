//! What a plan costs, in words: the three numbers, what makes them differ, what pictures add,
//! and how it differs from an earlier plan. Shared by the writers, so that all say the same.

use rust_decimal::Decimal;

use crate::plan::{AmountsJson, ApprovalLine, Comparison, PlanSummary, PriceUsed, Tally, WallTime};
use crate::report::phrase::{amounts, count, decimal, grouped, length, listed};

/// The least, the expected and the most that some jobs may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Three {
    pub low: Decimal,
    pub expected: Decimal,
    /// With every retake of a clip that fails its check; the expected one where none is made.
    pub with_retakes: Decimal,
    pub high: Decimal,
}

impl Three {
    /// Of a tally's priced jobs, in one unit. A bound that isn't there is the expected one.
    /// `None` where nothing is priced in that unit.
    pub(super) fn of(tally: &Tally, unit: &str) -> Option<Self> {
        let expected = in_unit(&tally.estimate, unit)?;
        let bound = |by_unit| in_unit(by_unit, unit).unwrap_or(expected);
        let with_retakes = bound(&tally.with_retakes);
        // Whoever reads a plan without bounds sees no most below what it says of retakes.
        let high = bound(&tally.high).max(with_retakes);
        Some(Three { low: bound(&tally.low), expected, with_retakes, high })
    }

    /// Whether the three are one.
    pub(super) fn is_certain(&self) -> bool {
        self.low == self.expected && self.expected == self.high
    }

    /// Whether it may be less than expected.
    pub(super) fn has_low(&self) -> bool {
        self.low < self.expected
    }

    /// Whether it may be more than expected.
    pub(super) fn has_high(&self) -> bool {
        self.high > self.expected
    }

    /// Why the least is less than expected, where it is.
    pub(super) fn why_low(&self) -> Option<&'static str> {
        self.has_low().then_some("every automatic duration comes out at its shortest")
    }

    /// What retakes of clips that fail their check may add, where they may.
    pub(super) fn retakes(&self) -> Option<Decimal> {
        Some(self.with_retakes - self.expected).filter(|more| !more.is_zero())
    }

    /// Whether charged retries may bring it above what retakes do.
    fn has_retries(&self) -> bool {
        self.high > self.with_retakes
    }

    /// Why the most is more than expected, where it is.
    pub(super) fn why_high(&self) -> Option<&'static str> {
        Some(match (self.retakes().is_some(), self.has_retries()) {
            (false, false) => return None,
            (false, true) => "every retry that may be charged is charged",
            (true, false) => "every clip that may be made again is, as often as it may be",
            (true, true) => {
                "every clip that may be made again is, and every retry that may be charged is charged"
            }
        })
    }

    /// The bounds in words, where they differ from what is expected: `at most 27,040.50`.
    pub(super) fn bounds(&self) -> Option<String> {
        let bounds = match (self.has_low(), self.has_high()) {
            (true, true) => Some(format!("{} to {}", shown(self.low), shown(self.high))),
            (true, false) => Some(format!("at least {}", shown(self.low))),
            (false, true) => Some(format!("at most {}", shown(self.high))),
            (false, false) => None,
        };
        let of_which =
            self.retakes().map(|more| format!(", of which up to {} for retakes", shown(more)));
        bounds.map(|bounds| bounds + &of_which.unwrap_or_default())
    }
}

/// What retakes are, beside the sum that they may add.
pub(super) const WHAT_RETAKES: &str =
    "on top, for retakes of clips that fail their check; an approval goes up to that by default";

/// What the expected sum is.
pub(super) const WHAT_EXPECTED: &str = "what one attempt of each job reserves";

pub(super) fn in_unit(by_unit: &AmountsJson, unit: &str) -> Option<Decimal> {
    by_unit.get(unit).and_then(|value| value.parse().ok())
}

/// `part` of `whole` in percent with one decimal; `None` of nothing.
pub(super) fn percent(part: Decimal, whole: Decimal) -> Option<String> {
    let share = part.checked_div(whole)?.checked_mul(Decimal::ONE_HUNDRED)?;
    Some(share.round_dp(1).normalize().to_string())
}

/// What pictures add to the price against the text route, in a sentence. `None` where no job
/// enters by a picture with a price that could be compared.
pub(super) fn pictures(summary: &PlanSummary) -> Option<String> {
    let (tally, unit) = (&summary.to_run, summary.unit.as_str());
    let (extra, text) = (amounts(&tally.image_extra)?, amounts(&tally.as_text)?);
    let over = not_compared(summary);
    let one_unit = in_unit(&tally.image_extra, unit).zip(in_unit(&tally.as_text, unit));
    Some(match one_unit {
        Some((extra, text)) if extra.is_zero() => {
            format!("nothing: by text the same clips cost {} {unit} too{over}", shown(text))
        }
        Some((extra, text)) => {
            let share = percent(extra.abs(), text).map(|p| format!(" ({p} %)")).unwrap_or_default();
            let word = if extra.is_sign_negative() { "less than" } else { "on top of" };
            format!(
                "{} {unit}{share} {word} the {} that the same clips cost by text{over}",
                shown(extra.abs()),
                shown(text)
            )
        }
        None => format!("{extra} on top of the {text} that the same clips cost by text{over}"),
    })
}

/// Over how many jobs a comparison with text is, and why it is not over all.
fn not_compared(summary: &PlanSummary) -> String {
    let (tally, not) = (&summary.to_run, &summary.not_compared);
    if tally.compared == 0 || tally.compared >= tally.jobs {
        return String::new();
    }
    let reasons = [
        (not.no_text_route, "by models without a text route"),
        (not.text_unpriced, "whose price by text is not known"),
        (tally.unpriced, "unpriced"),
    ];
    let why: Vec<String> = reasons
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, why)| format!("{} {why}", grouped(*n)))
        .collect();
    let over = format!(
        ", over the {} of {} that can be compared",
        count(tally.compared, "job"),
        grouped(tally.jobs)
    );
    if why.is_empty() { over } else { format!("{over} (not {})", listed(&why)) }
}

pub(super) fn shown(value: Decimal) -> String {
    crate::money::display_value(value)
}

/// How long a run takes, in words.
pub(super) fn wall_time(time: &WallTime) -> String {
    if time.seconds == 0 {
        return "not known of any job".to_owned();
    }
    let mut said = format!("about {}", length(Decimal::from(time.seconds)));
    if !time.slowest.is_empty() {
        said.push_str(&format!(", longest by {}", time.slowest));
    }
    if time.measured > 0 {
        said.push_str(&format!("; measured on {}", count(time.measured, "earlier job")));
    }
    if time.unknown > 0 {
        let those = count(time.unknown, "job");
        let verb = if time.unknown == 1 { "takes" } else { "take" };
        said.push_str(&format!("; how long {those} {verb} is not known"));
    }
    said
}

/// A comparison's verdict: `12.5 % more than the plan that ana approved on 2026-11-20`.
pub(super) fn against(with: &Comparison) -> String {
    let label = if with.label.is_empty() { "the earlier plan" } else { &with.label };
    let change = with.increase_percent.as_deref().and_then(|p| p.parse::<Decimal>().ok());
    let more = |p: Decimal| if p.is_sign_negative() { "less" } else { "more" };
    match change {
        Some(p) if !p.is_zero() => {
            format!("{} % {} than {label}", p.abs().normalize(), more(p))
        }
        _ if with.total_before == with.total_now => format!("as much as {label}"),
        _ => format!(
            "{} after {} in {label}",
            sum(&with.total_now, with.jobs_now),
            sum(&with.total_before, with.jobs_before)
        ),
    }
}

/// The sum of so many jobs; it may be of nothing.
pub(super) fn sum(by_unit: &AmountsJson, jobs: u64) -> String {
    let none = if jobs == 0 { "nothing" } else { "nothing priced" };
    amounts(by_unit).unwrap_or_else(|| none.to_owned())
}

/// The comparison's counts, those that are not zero: `40 added`, `3 changed`, …
pub(super) fn differences(with: &Comparison) -> Vec<(u64, &'static str)> {
    [
        (with.added, "added"),
        (with.removed, "removed"),
        (with.changed, "changed"),
        (with.dearer, "dearer"),
        (with.cheaper, "cheaper"),
        (with.made, "made since"),
        (with.same, "the same"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .collect()
}

/// A job's cost before and now: `12.50 → 15`; a dash where there was none.
pub(super) fn before_and_now(before: Option<&str>, now: Option<&str>) -> String {
    let one = |value: Option<&str>| value.map_or_else(|| "–".to_owned(), decimal);
    format!("{} → {}", one(before), one(now))
}

/// An approval in words, without its end: `Approved by ana, 2026-11-20, up to 20 credits`. With
/// the plan that it names, where that is an earlier one that covers this.
pub(super) fn approval(approval: &ApprovalLine) -> String {
    let word = if approval.signed { "Approved and signed by" } else { "Approved by" };
    let mut said = format!("{word} {}, {}, up to {}", approval.by, approval.at, approval.ceiling);
    if let Some(until) = &approval.expires {
        said.push_str(&format!(", until {until}"));
    }
    if let Some(earlier) = &approval.carried_from {
        let short: String = earlier.chars().take(12).collect();
        said.push_str(&format!(", as a part of plan {short}"));
    }
    said
}

/// What a price is counted in, with its rate, and until when it holds: `USD (1 USD = 100 credits, as
/// of 2026-11-01), until 2026-12-31`.
pub(super) fn price_unit(price: &PriceUsed, unit: &str) -> String {
    let mut said = price.unit.clone();
    if let Some(rate) = &price.rate {
        said.push_str(&format!(" (1 {} = {} {unit}", price.unit, decimal(rate)));
        if let Some(day) = &price.rate_as_of {
            said.push_str(&format!(", as of {day}"));
        }
        said.push(')');
    }
    if let Some(day) = &price.valid_until {
        said.push_str(&format!(", until {day}"));
    }
    said
}

/// The oldest of the prices that the plan uses: its day and its model.
pub(super) fn oldest_price(summary: &PlanSummary) -> Option<(&str, &str)> {
    summary.prices.iter().map(|p| (p.as_of.as_str(), p.model.as_str())).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three(expected: &str, with_retakes: &str, high: &str) -> Three {
        let of = |text: &str| match text {
            "" => AmountsJson::new(),
            text => AmountsJson::from([("credits".to_owned(), text.to_owned())]),
        };
        let tally = Tally {
            estimate: of(expected),
            with_retakes: of(with_retakes),
            high: of(high),
            ..Tally::default()
        };
        Three::of(&tally, "credits").expect("it is priced")
    }

    #[test]
    fn the_most_is_explained_by_what_makes_it() {
        let told = |three: Three| (three.why_high(), three.bounds());
        assert_eq!(told(three("10", "", "10")), (None, None));
        assert_eq!(
            told(three("10", "", "30")),
            (Some("every retry that may be charged is charged"), Some("at most 30".to_owned()))
        );
        assert_eq!(
            told(three("10", "20", "20")),
            (
                Some("every clip that may be made again is, as often as it may be"),
                Some("at most 20, of which up to 10 for retakes".to_owned())
            )
        );
        assert_eq!(
            told(three("10", "20", "60")),
            (
                Some(
                    "every clip that may be made again is, and every retry that may be charged is \
                     charged"
                ),
                Some("at most 60, of which up to 10 for retakes".to_owned())
            )
        );
    }
}
