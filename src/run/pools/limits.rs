//! How much may run at once, a minute and a day, by name, and how patient the pools are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::manifest::{Concurrency, PoolLimit};
use crate::providers::Provider;

/// HTTP requests in flight at once, where the manifest says nothing.
pub const REQUESTS: u32 = 256;

/// Clips fetched at once, where the manifest says nothing.
pub const FETCHES: u32 = 32;

/// The limits of all pools of a run. Absent: no such limit.
#[derive(Debug, Clone, Default)]
pub struct PoolLimits {
    /// Jobs in flight in the whole run.
    pub in_flight: Option<u32>,
    /// By provider.
    pub providers: BTreeMap<String, PoolLimit>,
    /// By model.
    pub models: BTreeMap<String, PoolLimit>,
    /// By account.
    pub accounts: BTreeMap<String, PoolLimit>,
    /// The account at each provider; where there is one only, it has no name.
    pub account_at: BTreeMap<String, String>,
    /// How patient.
    pub pace: PoolPace,
}

/// How the pools answer trouble.
#[derive(Debug, Clone)]
pub struct PoolPace {
    /// How long a lane is closed for want of room, at first up to; it doubles each time.
    pub backoff: Duration,
    /// It is never closed longer, unless the provider asks for more.
    pub backoff_most: Duration,
    /// After how many equal causes in a row a model is closed.
    pub hold_after: u32,
    /// When one job tries a closed model; it doubles with each that fails.
    pub probe: Duration,
    /// It never takes longer.
    pub probe_most: Duration,
    /// After how many such tries a model is closed for the run.
    pub probes: u32,
}

impl Default for PoolPace {
    fn default() -> Self {
        PoolPace {
            backoff: Duration::from_secs(1),
            backoff_most: Duration::from_secs(60),
            hold_after: 5,
            probe: Duration::from_secs(30),
            probe_most: Duration::from_secs(600),
            probes: 3,
        }
    }
}

impl PoolLimits {
    /// What the manifest says, and what the providers' terms say where it says nothing.
    pub fn of(
        said: &Concurrency,
        providers: &BTreeMap<String, Arc<dyn Provider>>,
        pace: PoolPace,
    ) -> Self {
        let terms = |(name, provider): (&String, &Arc<dyn Provider>)| {
            let said = said.providers.get(name).copied().unwrap_or_default();
            let terms = provider.terms();
            let limit = PoolLimit {
                in_flight: said.in_flight.or(Some(terms.in_flight.max(1))),
                per_minute: said.per_minute.or(terms.per_minute),
                per_day: said.per_day.or(terms.per_day),
            };
            (name.clone(), limit)
        };
        let account = |(name, provider): (&String, &Arc<dyn Provider>)| {
            (name.clone(), provider.account().to_owned())
        };
        PoolLimits {
            in_flight: said.in_flight,
            providers: providers.iter().map(terms).collect(),
            models: said.models.clone(),
            accounts: said.accounts.clone(),
            account_at: providers.iter().map(account).collect(),
            pace,
        }
    }
}
