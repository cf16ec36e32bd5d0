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
    /// Jobs by their state in the ledger.
    pub jobs: BTreeMap<&'static str, u64>,
    /// Attempts that were made for them.
    pub attempts: usize,
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
        // The oldest come first, so the last one of a job says where it is.
        let last: HashMap<i64, JobState> = attempts.iter().map(|a| (a.job, a.state)).collect();
        let mut jobs = BTreeMap::new();
        for state in last.into_values() {
            *jobs.entry(state.as_str()).or_default() += 1;
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
            jobs,
            attempts: attempts.len(),
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
            self.jobs.iter().map(|(state, count)| format!("{count} {state}")).collect();
        let counts = if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
        let mut lines = vec![
            format!("jobs            {counts} ({} attempts)", self.attempts),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use crate::digest::Digest;
    use crate::money::Unit;
    use jiff::Timestamp;
    use rust_decimal::Decimal;

    fn micros(n: i64) -> Micros {
        Micros::from_decimal(Decimal::from(n)).expect("small")
    }

    fn attempt(id: i64, state: JobState, remote: Option<&str>, settled: i64) -> AttemptRecord {
        AttemptRecord {
            id,
            job: id,
            address: Address::new(None, "turn", None, 1),
            state,
            number: 1,
            retake: 0,
            plan: Digest::of(b"plan"),
            request: String::new(),
            remote_id: remote.map(str::to_owned),
            reserved: Micros::ZERO,
            settled: micros(settled),
            message: None,
            started: Timestamp::UNIX_EPOCH,
            updated: Timestamp::UNIX_EPOCH,
            fingerprint: Digest::of(b"request"),
            parts: [0; 4],
            provider: "p".to_owned(),
            model: "p/m".to_owned(),
            account: String::new(),
            estimate: micros(settled),
            basis: None,
            ready: None,
            expires: None,
            interruptions: 0,
            clip: None,
        }
    }

    fn charge(id: &str, amount: i64, reply_lost: bool) -> Charge {
        Charge {
            id: id.to_owned(),
            attempt: None,
            model: "p/m".to_owned(),
            amount: Some(Decimal::from(amount)),
            unit: Some(Unit::new("USD")),
            at: Timestamp::UNIX_EPOCH,
            state: "succeeded",
            refunded: false,
            reply_lost,
        }
    }

    fn verdict(charges: Vec<Charge>, attempts: &[AttemptRecord]) -> Verdict {
        let bills = [Bill { provider: "p".to_owned(), charges }];
        Verdict::of(&bills, attempts, "USD", |amount| amount.to_micros().ok())
    }

    #[test]
    fn books_agree_when_every_charge_is_settled_and_lost_replies_are_held() {
        let attempts =
            [attempt(1, JobState::Done, Some("a"), 2), attempt(2, JobState::Unknown, None, 0)];
        let found = verdict(vec![charge("a", 2, false), charge("b", 3, true)], &attempts);
        assert!(found.agrees(), "{found:?}");
        insta::assert_snapshot!(found.text(), @r"
        jobs            1 done, 1 unknown (2 attempts)
        charged         2 USD by the bills
        settled         2 USD by the ledger
        reply lost      p charges 3 USD for b, held as unknown
        verdict         the books agree
        ");
    }

    #[test]
    fn every_way_in_which_books_can_differ_is_said() {
        let attempts = [
            attempt(1, JobState::Done, Some("a"), 1),
            attempt(2, JobState::Refused, None, 0),
            attempt(3, JobState::Done, Some("c"), 4),
        ];
        let charges = vec![charge("a", 2, false), charge("b", 3, false), charge("d", 1, true)];
        let found = verdict(charges, &attempts);
        assert!(!found.agrees());
        let what: Vec<&str> = found.differences.iter().map(|d| d.what.as_str()).collect();
        assert_eq!(
            what,
            [
                "2 USD is charged (succeeded), 1 is settled (done)",
                "it is charged, and the ledger does not know it",
                "1 are charged, and only 0 are held as unknown",
                "the ledger knows it (4 settled), and no bill does",
            ]
        );
    }
}
