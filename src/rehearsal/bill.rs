//! The bill: what a provider that is simulated has charged, in play money.

mod file;

use std::fmt::Write as _;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::money::{Amount, Totals, Unit, display_value};

pub(super) use file::BillFile;
pub use file::{BillLine, ServedClip};

/// One charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Charge {
    /// The job, by the provider's id.
    pub id: String,
    /// The attempt key that the submission carried, where the provider takes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<String>,
    /// The model's name on its card.
    pub model: String,
    /// How much; absent where nobody knows the model's price.
    pub amount: Option<Decimal>,
    /// What it is counted in.
    pub unit: Option<Unit>,
    /// When the job was accepted.
    pub at: Timestamp,
    /// Where the job is: a state's word as on cards.
    pub state: &'static str,
    /// Whether it was given back, because the job failed or was cancelled.
    pub refunded: bool,
    /// Whether the reply to the submission was lost.
    pub reply_lost: bool,
}

impl Charge {
    /// What is to be paid; absent where nobody knows the price or it was given back.
    pub fn due(&self) -> Option<Amount> {
        let unit = self.unit.clone()?;
        self.amount.filter(|_| !self.refunded).map(|value| Amount::new(value, unit))
    }
}

/// Everything that one provider has charged, in the order of submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bill {
    /// The provider.
    pub provider: String,
    /// The charges.
    pub charges: Vec<Charge>,
}

impl Bill {
    /// What is to be paid, by unit.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for amount in self.charges.iter().filter_map(Charge::due) {
            totals.add(&amount);
        }
        totals
    }

    /// Jobs that nobody knows a price of.
    pub fn unpriced(&self) -> usize {
        self.charges.iter().filter(|charge| charge.amount.is_none()).count()
    }

    /// As JSON: the provider, its charges, and the sums by unit.
    pub fn to_json(&self) -> serde_json::Value {
        let totals: Vec<serde_json::Value> = self
            .totals()
            .amounts()
            .map(|sum| serde_json::json!({ "amount": sum.value, "unit": sum.unit }))
            .collect();
        serde_json::json!({
            "provider": self.provider,
            "charges": self.charges,
            "totals": totals,
            "unpriced": self.unpriced(),
        })
    }

    /// The sum in one line, for people.
    pub fn line(&self) -> String {
        let refunded = self.charges.iter().filter(|charge| charge.refunded).count();
        let mut line = format!("{}: {} jobs", self.provider, self.charges.len());
        let sums: Vec<String> = self
            .totals()
            .amounts()
            .map(|sum| format!("{} {}", display_value(sum.value), sum.unit))
            .collect();
        let sums = if sums.is_empty() { "nothing".to_owned() } else { sums.join(" and ") };
        // Writing to a string can't fail.
        let _ = write!(line, ", {sums} of play money");
        if refunded > 0 {
            let _ = write!(line, ", {refunded} given back");
        }
        if self.unpriced() > 0 {
            let _ = write!(line, ", {} without a known price", self.unpriced());
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(amount: Option<&str>, refunded: bool) -> Charge {
        Charge {
            id: "j".to_owned(),
            attempt: None,
            model: "p/m".to_owned(),
            amount: amount.map(|a| a.parse().expect("decimal")),
            unit: amount.map(|_| Unit::new("USD")),
            at: Timestamp::UNIX_EPOCH,
            state: "succeeded",
            refunded,
            reply_lost: false,
        }
    }

    #[test]
    fn what_was_given_back_is_not_due_and_what_has_no_price_is_not_zero() {
        let charges = vec![
            charge(Some("0.60"), false),
            charge(Some("0.6"), false),
            charge(Some("9"), true),
            charge(None, false),
        ];
        let bill = Bill { provider: "p".to_owned(), charges };
        let sums: Vec<String> = bill.totals().amounts().map(|a| a.to_string()).collect();
        assert_eq!(sums, ["1.20 USD"]);
        assert_eq!(
            bill.line(),
            "p: 4 jobs, 1.20 USD of play money, 1 given back, 1 without a known price"
        );
        assert_eq!(bill.to_json()["totals"][0]["unit"], "USD");
    }
}
