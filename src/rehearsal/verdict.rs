//! The verdict: what simulated providers charged, held against what the ledger says was paid.
//! What a provider charges and the ledger does not know, or the other way round, is a defect;
//! only a lost reply may leave a charge that nobody knows of, and then the ledger must hold it
//! as unknown.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::bill::{Bill, Charge};
use crate::ledger::{AttemptRecord, JobState};
use crate::money::{Amount, Micros, display_value};
use crate::providers::RemoteId;

/// A charge whose reply was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LostReply {
    /// The provider.
    pub provider: String,
    /// Its id of the job, which nobody here knows.
    pub id: String,
    /// What it charges, in the workspace's unit; absent where the price or the rate is unknown.
    pub charged: Option<String>,
}

/// An entry that bill and ledger do not agree on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The provider.
    pub provider: String,
    /// Its id of the job, or the job's address where it has none.
    pub job: String,
    /// What differs, for people.
    pub what: String,
}

/// How a rehearsal ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Attempts by their state in the ledger.
    pub attempts: BTreeMap<&'static str, u64>,
    /// What the bills sum up to for jobs that the ledger knows, in the workspace's unit.
    pub charged: String,
    /// What the ledger has settled for them.
    pub settled: String,
    /// The workspace's unit.
    pub unit: String,
    /// Charges whose reply was lost: the ledger holds them as unknown.
    pub lost_replies: Vec<LostReply>,
    /// Charges of jobs that are still open, because the run was stopped.
    pub open: u64,
    /// What does not agree.
    pub differences: Vec<Difference>,
}

impl Verdict {
    /// Compares bills with the ledger's attempts. `convert` turns an amount into the workspace's
    /// unit; absent where no rate is stated.
    pub fn of(
        bills: &[Bill],
        attempts: &[AttemptRecord],
        unit: &str,
        convert: impl Fn(&Amount) -> Option<Micros>,
    ) -> Verdict {
        let simulated =
            |attempt: &&AttemptRecord| bills.iter().any(|b| b.provider == attempt.provider);
        let attempts: Vec<&AttemptRecord> = attempts.iter().filter(simulated).collect();
        let mut comparing = Comparing {
            by_id: attempts.iter().filter_map(|a| Some((key(a)?, *a))).collect(),
            ..Comparing::default()
        };
        for attempt in &attempts {
            *comparing.counts.entry(attempt.state.as_str()).or_default() += 1;
        }
        for bill in bills {
            for charge in &bill.charges {
                comparing.charge(bill, charge, &convert);
            }
            comparing.unknown(bill, &attempts);
        }
        comparing.never_charged();
        let text = |micros: i64| micros_text(micros);
        Verdict {
            attempts: comparing.counts,
            charged: text(comparing.charged),
            settled: text(comparing.settled),
            unit: unit.to_owned(),
            lost_replies: comparing.lost,
            open: comparing.open,
            differences: comparing.differences,
        }
    }

    /// Whether bills and ledger agree.
    pub fn agrees(&self) -> bool {
        self.differences.is_empty()
    }

    /// The verdict in words.
    pub fn text(&self) -> String {
        let counts: Vec<String> =
            self.attempts.iter().map(|(state, count)| format!("{count} {state}")).collect();
        let counts = if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
        let mut lines = vec![
            format!("attempts        {counts}"),
            format!("charged         {} {} by the bills", shown(&self.charged), self.unit),
            format!("settled         {} {} by the ledger", shown(&self.settled), self.unit),
        ];
        for lost in &self.lost_replies {
            let amount = lost.charged.as_ref().map_or("an unknown amount".to_owned(), |charged| {
                format!("{} {}", shown(charged), self.unit)
            });
            lines.push(format!(
                "reply lost      {} charges {amount} for {}, held as unknown",
                lost.provider, lost.id
            ));
        }
        if self.open > 0 {
            lines.push(format!("still open      {} jobs", self.open));
        }
        for difference in &self.differences {
            let Difference { provider, job, what } = difference;
            lines.push(format!("differs         {provider} {job}: {what}"));
        }
        lines.push(match self.agrees() {
            true => "verdict         the books agree".to_owned(),
            false => format!(
                "verdict         the books do not agree: {} differences",
                self.differences.len()
            ),
        });
        lines.join("\n")
    }
}

fn shown(amount: &str) -> String {
    amount.parse().map_or_else(|_| amount.to_owned(), display_value)
}

fn micros_text(micros: i64) -> String {
    rust_decimal::Decimal::new(micros, 6).normalize().to_string()
}

/// Provider and id.
type Key = (String, String);

fn key(attempt: &AttemptRecord) -> Option<Key> {
    let id = RemoteId::from_stored(attempt.remote_id.as_deref()?).id;
    Some((attempt.provider.clone(), id))
}

#[derive(Default)]
struct Comparing<'a> {
    by_id: HashMap<Key, &'a AttemptRecord>,
    counts: BTreeMap<&'static str, u64>,
    charged: i64,
    settled: i64,
    lost: Vec<LostReply>,
    open: u64,
    differences: Vec<Difference>,
}

impl Comparing<'_> {
    fn charge(
        &mut self,
        bill: &Bill,
        charge: &Charge,
        convert: &impl Fn(&Amount) -> Option<Micros>,
    ) {
        let due = charge.due();
        let converted = due.as_ref().map_or(Some(Micros::ZERO), convert);
        let Some(attempt) = self.by_id.remove(&(bill.provider.clone(), charge.id.clone())) else {
            if charge.reply_lost {
                self.lost.push(LostReply {
                    provider: bill.provider.clone(),
                    id: charge.id.clone(),
                    charged: converted.map(|micros| micros_text(micros.get())),
                });
            } else {
                self.differs(bill, charge, "it is charged, and the ledger does not know it");
            }
            return;
        };
        if attempt.state.is_open() {
            self.open += 1;
            return;
        }
        match converted {
            Some(micros) => self.charged += micros.get(),
            None => return self.differs(bill, charge, "its price has no rate in the budget"),
        }
        self.settled += attempt.settled.get();
        if converted != Some(attempt.settled) {
            let what = format!(
                "{} is charged ({}), {} is settled ({})",
                due.map_or("nothing".to_owned(), |amount| amount.to_string()),
                charge.state,
                display_value(attempt.settled.to_decimal()),
                attempt.state.as_str()
            );
            self.differs(bill, charge, &what);
        }
    }

    /// A lost reply must be an unknown outcome: the money may not be free again.
    fn unknown(&mut self, bill: &Bill, attempts: &[&AttemptRecord]) {
        let held = attempts
            .iter()
            .filter(|a| a.provider == bill.provider && a.remote_id.is_none())
            .filter(|a| matches!(a.state, JobState::Unknown | JobState::Submitting))
            .count();
        let lost = self.lost.iter().filter(|lost| lost.provider == bill.provider).count();
        if lost > held {
            self.differences.push(Difference {
                provider: bill.provider.clone(),
                job: "lost replies".to_owned(),
                what: format!("{lost} are charged, and only {held} are held as unknown"),
            });
        }
    }

    /// What the ledger has an id of, or has paid, and no bill knows.
    fn never_charged(&mut self) {
        let mut left: Vec<(Key, &AttemptRecord)> = self.by_id.drain().collect();
        left.sort_by_key(|(_, attempt)| attempt.id);
        for ((provider, job), attempt) in left {
            let amount = display_value(attempt.settled.to_decimal());
            let what = format!("the ledger knows it ({amount} settled), and no bill does");
            self.differences.push(Difference { provider, job, what });
        }
    }

    fn differs(&mut self, bill: &Bill, charge: &Charge, what: &str) {
        self.differences.push(Difference {
            provider: bill.provider.clone(),
            job: charge.id.clone(),
            what: what.to_owned(),
        });
    }
}
