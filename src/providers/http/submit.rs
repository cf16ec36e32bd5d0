//! Submitting, in two halves. `prepare` reads and uploads pictures and finds whatever is wrong with
//! the request: nothing of it costs anything. `submit` writes the attempt key in and sends the one
//! request that does. So an intent that is made durable between the two covers only the time in
//! which money can be spent.

use std::time::Duration;

use jiff::Timestamp;

use super::client::Parcel;
use super::compose::{Handed, job_scope, submission};
use super::driver::Driver;
use super::lookup::{CLOCKS_DIFFER, LARGEST, ON_THE_WAY};
use super::outcome::{self, Bench};
use super::upload::{HandleKey, HandedOver};
use crate::models::ModelCard;
use crate::plan::Request;
use crate::protocol::{Body, HttpCall};
use crate::providers::{AttemptKey, Prepared, Refusal, Retry, Submission};
use crate::wire::WireError;

/// Stands for the attempt key while there is none: as long as one, so that sizes are right.
const NO_KEY: &str = "00000000-0000-8000-8000-000000000000";

/// A submission that was made ready.
struct Made {
    written: Written,
    parcels: Vec<Parcel>,
    handles: Vec<HandleKey>,
    /// From when on a handle may not live as long as the job waits.
    until: Option<Timestamp>,
}

/// The request, as far as it can be written without the attempt key.
enum Written {
    /// The key stands in none of it.
    Wholly(HttpCall),
    /// To be written when the key is there.
    With(Vec<Handed>),
}

impl Driver {
    /// Makes a submission ready.
    ///
    /// # Errors
    /// Why the request can't be submitted, or not now.
    pub async fn prepare(&self, request: &Request) -> Result<Prepared, Refusal> {
        let model = self.known_model(request)?;
        let HandedOver { handed, parcels, handles, until } =
            self.hand_over(request, model).await?;
        let call = self.written(request, model, NO_KEY, &handed);
        let call = call.map_err(|e| self.refused("card", &unwritten(&e)))?;
        if let Some(message) = self.too_large(&call) {
            return Err(self.refused("invalid", &message));
        }
        let parcels = if is_form(&call) { parcels } else { Vec::new() };
        let written = match self.facts.of(request).keyed {
            true => Written::With(handed),
            false => Written::Wholly(call),
        };
        Ok(Prepared::holding(Made { written, parcels, handles, until }))
    }

    /// Sends a request that was made ready, once.
    pub async fn submit(
        &self,
        request: &Request,
        key: &AttemptKey,
        prepared: Prepared,
    ) -> Submission {
        let (call, parcels, handles) = match self.ready_to_send(request, key, prepared) {
            Ok(ready) => ready,
            Err(refusal) => return Submission::Refused(refusal),
        };
        let answer = self.client.submit(&call, &parcels).await;
        drop((call, parcels));
        let facts = self.facts.of(request);
        let known = minijinja::context! { attempt => key.as_str(), ..facts.names.clone() };
        let bench = Bench { card: &self.card, known, values: &facts.values, mask: &self.mask };
        let submission = outcome::submission(&bench, answer);
        if matches!(&submission, Submission::Refused(refusal) if refusal.retry == Retry::Never) {
            // The reason may be a handle that the provider has forgotten early.
            self.handles.forget(&handles);
        }
        submission
    }

    /// The request with its key; everything that can be wrong with it, before a byte of it leaves.
    fn ready_to_send(
        &self,
        request: &Request,
        key: &AttemptKey,
        prepared: Prepared,
    ) -> Result<(HttpCall, Vec<Parcel>, Vec<HandleKey>), Refusal> {
        let model = self.known_model(request)?;
        let Some(made) = prepared.take::<Made>() else {
            return Err(self.refused("prepared", "the request was not made ready"));
        };
        if made.until.is_some_and(|until| self.clock.now() >= until) {
            self.handles.forget(&made.handles);
            let message = format!(
                "an uploaded picture is too old for {}; it will be uploaded again",
                self.card.provider
            );
            let cause = "upload_expired".to_owned();
            return Err(Refusal { retry: Retry::After(Some(0)), cause, message });
        }
        let mut call = match made.written {
            Written::Wholly(call) => call,
            Written::With(handed) => self
                .written(request, model, key.as_str(), &handed)
                .map_err(|e| self.refused("card", &unwritten(&e)))?,
        };
        if let Some(idempotency) = &self.card.idempotency {
            let name = idempotency.header.to_ascii_lowercase();
            call.headers.insert(name, key.as_str().to_owned());
        }
        Ok((call, made.parcels, made.handles))
    }

    /// For how long a submission may be begun again under its key: the provider's own time, less
    /// what a repetition may take to arrive and what clocks may differ, because one that arrives
    /// later is a job of its own.
    pub fn replay_window(&self) -> Option<Duration> {
        let window = Duration::from_secs(self.card.idempotency.as_ref()?.window_s);
        let margin = [ON_THE_WAY, CLOCKS_DIFFER].map(|span| span.unsigned_abs());
        let margin = margin[0] + margin[1] + self.client.longest_submission(LARGEST);
        window.checked_sub(margin).filter(|left| !left.is_zero())
    }

    fn known_model(&self, request: &Request) -> Result<&ModelCard, Refusal> {
        let missing =
            || self.refused("model", &format!("there is no model card `{}`", request.model));
        self.model(request).ok_or_else(missing)
    }

    /// The submission as it goes out under a key.
    ///
    /// # Errors
    /// When the card has no form for the job's route, or an expression can't be computed.
    pub(super) fn written(
        &self,
        request: &Request,
        model: &ModelCard,
        key: &str,
        handed: &[Handed],
    ) -> Result<HttpCall, WireError> {
        let values = &self.facts.of(request).values;
        let scope = job_scope(values, model, request, key, handed, &self.variables)?;
        submission(&self.card, model, request, &scope, &self.base_url)
    }

    fn refused(&self, cause: &str, message: &str) -> Refusal {
        let message = self.mask.clean(message);
        Refusal { retry: Retry::Never, cause: cause.to_owned(), message }
    }

    fn too_large(&self, call: &HttpCall) -> Option<String> {
        let most = self.card.limits.body_bytes?;
        let Body::Json(json) = &call.body else { return None };
        let length = json.to_string().len() as u64;
        (length > most).then(|| {
            let provider = &self.card.provider;
            format!("the request has {length} bytes; {provider} takes {most} at most")
        })
    }
}

fn unwritten(error: &WireError) -> String {
    format!("the request can't be written: {error}")
}

/// Whether bytes of pictures go along as they are.
fn is_form(call: &HttpCall) -> bool {
    matches!(call.body, Body::Multipart(_) | Body::Picture(_))
}
