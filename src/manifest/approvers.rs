//! Who may approve: the mapping `approvers:` of the root manifest.
//!
//! What lives here: names, public keys, the most that each may approve. What never does: approvals
//! and whether they hold.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Deserialize;

use super::catalogue::Limit;
use super::load::Loader;
use super::raw::placed_decimal;
use crate::diagnostic::{Finding, Place};
use crate::signing::PublicKey;
use crate::yaml::{Exact, Placed, Table, Text};

/// Somebody who may approve plans.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Approver")]
pub struct RawApprover {
    /// The public key, as `kinora approvals new-key` prints it: `ed25519:` and 44 letters.
    #[schemars(extend("pattern" = "^ed25519:[A-Za-z0-9+/]{43}=$"))]
    pub key: Text,
    /// The largest ceiling that they may approve, in the workspace's unit; any, if not given.
    #[serde(default, deserialize_with = "placed_decimal")]
    #[schemars(with = "Option<Exact>", extend("minimum" = 0))]
    pub max_ceiling: Option<Placed<Decimal>>,
}

/// Somebody who may approve plans: only what is signed with their key counts as theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approver {
    /// Their name in the manifest.
    pub place: Place,
    /// Their public key.
    pub key: PublicKey,
    /// The largest ceiling that they may approve.
    pub max_ceiling: Option<Limit>,
}

/// Approvers by name.
pub type Approvers = BTreeMap<String, Approver>;

impl Loader<'_> {
    /// `approvers:` of the root manifest.
    pub(super) fn approvers(&mut self, raw: &Placed<Table<RawApprover>>) -> Approvers {
        if raw.value.0.is_empty() {
            self.findings.push(
                Finding::error("manifest::approvers", "`approvers` names nobody")
                    .at(raw.place, "nobody could approve anything")
                    .help("add `NAME: {key: \"ed25519:…\"}`, or leave `approvers` out"),
            );
        }
        let mut approvers: Approvers = BTreeMap::new();
        for (name, raw) in &raw.value.0 {
            let key = match PublicKey::parse(raw.key.trim()) {
                Ok(key) => key,
                Err(why) => {
                    self.findings.push(
                        Finding::error("manifest::approvers", why)
                            .at(raw.key.place, "this key")
                            .help("`kinora approvals new-key FILE` makes a key and prints this"),
                    );
                    continue;
                }
            };
            if let Some((other, _)) = approvers.iter().find(|(_, approver)| approver.key == key) {
                self.findings.push(
                    Finding::error(
                        "manifest::approvers",
                        format!("`{name}` has the key of `{other}`"),
                    )
                    .at(raw.key.place, "one key, one person")
                    .help("each approver makes a key of their own"),
                );
            }
            let max_ceiling = raw
                .max_ceiling
                .as_ref()
                .map(|most| Limit { amount: most.value, place: most.place });
            let approver = Approver { place: name.place, key, max_ceiling };
            approvers.insert(name.to_string(), approver);
        }
        approvers
    }
}
