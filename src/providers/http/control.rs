//! Beside a job's road: cancelling it, and asking how much an account takes.

use super::driver::Driver;
use crate::plan::Request;
use crate::protocol::Method;
use crate::providers::RemoteId;

/// What came of a request to cancel. What became of the job, only a poll says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cancelled {
    /// The provider has taken the request.
    Asked,
    /// The provider says no, for instance because the job has begun or is over.
    TooLate {
        /// What it says.
        message: String,
    },
    /// The provider can't cancel.
    Unsupported,
    /// It could not be asked.
    Failed {
        /// What happened.
        message: String,
    },
}

impl Driver {
    /// Asks the provider to cancel a job.
    pub async fn cancel(&self, id: &RemoteId, request: &Request) -> Cancelled {
        let Some(cancel) = &self.card.cancel else { return Cancelled::Unsupported };
        let failed = |message: &str| Cancelled::Failed { message: self.mask.clean(message) };
        let scope = self.known(request, id);
        let call = match self.built().call(&cancel.request, Method::Post, None, &scope) {
            Ok(call) => call,
            Err(e) => return failed(&self.unwritable(&e)),
        };
        // To cancel twice is to cancel once; but a redirect of a POST is not followed.
        match self.client.read(&call).await {
            Ok(reply) if reply.is_ok() => Cancelled::Asked,
            Ok(reply) if matches!(reply.status, 400 | 404 | 405 | 409 | 410 | 422) => {
                Cancelled::TooLate { message: self.http_error(&reply) }
            }
            Ok(reply) => failed(&self.http_error(&reply)),
            Err(trouble) => failed(trouble.message()),
        }
    }

    /// How many jobs the account takes at once; absent where the provider does not say.
    pub async fn live_in_flight(&self) -> Option<u32> {
        let live = self.card.limits.live.as_ref()?;
        let reply = self.ask(&live.request, &self.facts.plain().names).await.ok()?;
        let reply = Some(reply).filter(|reply| reply.is_ok())?;
        let numbers = live.in_flight.all(reply.body()).into_iter();
        let numbers = numbers.filter_map(|number| match number.as_str() {
            Some(text) => text.parse().ok(),
            None => number.as_u64().and_then(|number| u32::try_from(number).ok()),
        });
        numbers.min()
    }
}
