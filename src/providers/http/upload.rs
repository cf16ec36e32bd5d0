//! Pictures on their way to a provider: read, encoded or uploaded, and called by what the
//! submission calls them.
//!
//! Nothing has been submitted while this goes on: every failure is a refusal.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::client::{Parcel, Trouble};
use super::compose::Handed;
use super::driver::Driver;
use super::errors::{Said, Verdict, by_rule, by_status};
use super::outcome::{again, captured};
use super::pictures::ReadyPicture;
use super::reply::Reply;
use super::transport::{choose, parcel, value};
use crate::digest::Digest;
use crate::models::ModelCard;
use crate::plan::Request;
use crate::protocol::{Class, Stage, Transport, Upload, UploadStep};
use crate::providers::{Refusal, Retry};
use crate::wire::{Scope, scope_of};

/// Handles that are remembered, of about 300 bytes each; of more, the oldest are forgotten, and
/// made again when needed.
const MOST_HANDLES: usize = 50_000;

/// Requests whose pictures are read, prepared or uploaded at once. Each holds its pictures in
/// memory meanwhile, and decodes them at some times their size.
pub(super) const HANDED_OVER_AT_ONCE: usize = 16;

/// What a handle is good for: one picture, at one model where it is bound to it.
pub(super) type HandleKey = (Digest, Option<String>);

/// A handle that an upload gave.
#[derive(Debug, Clone)]
struct Kept {
    handle: String,
    until: Option<Timestamp>,
}

/// A place that one upload fills while others for the same picture wait.
type Slot = Arc<tokio::sync::Mutex<Option<Kept>>>;

/// Handles of uploaded pictures, by their content.
#[derive(Debug, Default)]
pub(super) struct Handles(Mutex<Slots>);

#[derive(Debug, Default)]
struct Slots {
    by_key: HashMap<HandleKey, Slot>,
    /// The oldest first; a key that was forgotten may still stand here.
    order: VecDeque<HandleKey>,
}

impl Handles {
    fn slot(&self, key: &HandleKey) -> Slot {
        let mut slots = self.slots();
        if let Some(slot) = slots.by_key.get(key) {
            return Arc::clone(slot);
        }
        while slots.order.len() >= MOST_HANDLES {
            if let Some(oldest) = slots.order.pop_front() {
                slots.by_key.remove(&oldest);
            }
        }
        slots.order.push_back(key.clone());
        Arc::clone(slots.by_key.entry(key.clone()).or_default())
    }

    /// Forgets handles, for instance because a submission with them was refused.
    pub fn forget(&self, keys: &[HandleKey]) {
        let mut slots = self.slots();
        for key in keys {
            slots.by_key.remove(key);
        }
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Pictures, handed over.
#[derive(Default)]
pub(super) struct HandedOver {
    /// What stands for each in the request.
    pub handed: Vec<Handed>,
    /// The bytes of each.
    pub parcels: Vec<Parcel>,
    /// The handles that are used.
    pub handles: Vec<HandleKey>,
    /// From when on one of them may be too old.
    pub until: Option<Timestamp>,
}

impl Driver {
    /// Hands over every picture of a request.
    pub(super) async fn hand_over(
        &self,
        request: &Request,
        model: &ModelCard,
    ) -> Result<HandedOver, Refusal> {
        if request.references.is_empty() {
            return Ok(HandedOver::default());
        }
        // Held to the end, because the bytes are: nobody else closes it.
        let _turn = self.handing_over.acquire().await;
        let ready = self.ready(request).await?;
        let pairs: Vec<_> = request.references.iter().zip(ready.iter().map(|(r, _)| r)).collect();
        let limits = &self.card.limits;
        let transports = choose(&self.card.images, limits.body_bytes, &pairs)
            .map_err(|why| refusal("picture", Retry::Never, why))?;
        let parcels: Vec<Parcel> = pairs.iter().map(|(r, picture)| parcel(r, picture)).collect();
        let mut handles = Vec::new();
        let mut ways = Vec::new();
        for (at, transport) in transports.iter().enumerate() {
            let upload = self.card.images.upload.as_ref();
            let upload = upload.filter(|_| *transport == Transport::Upload).map(|upload| {
                let bound = upload.per_model.then(|| model.api_id(request.route).to_owned());
                (upload, (ready[at].1, bound))
            });
            handles.extend(upload.as_ref().map(|(_, key)| key.clone()));
            let (reference, picture) = pairs[at];
            let (parcel, transport) = (&parcels[at], *transport);
            ways.push(async move {
                match upload {
                    Some((upload, key)) => {
                        let kept = self.handle(upload, &key, request, &reference.name, parcel);
                        kept.await.map(|kept| (kept.handle, kept.until))
                    }
                    None => Ok((value(transport, reference, picture), None)),
                }
            });
        }
        let values = try_join_all(ways).await?;
        let until = values.iter().filter_map(|(_, until)| *until).min();
        let handed = values.into_iter().enumerate().map(|(at, (value, _))| Handed {
            transport: transports[at],
            value,
            media_type: parcels[at].media_type.clone(),
            file_name: parcels[at].file_name.clone(),
            width: pairs[at].1.width,
            height: pairs[at].1.height,
            bytes: parcels[at].bytes.len() as u64,
        });
        let handed = handed.collect();
        Ok(HandedOver { handed, handles, parcels, until })
    }

    /// Pictures as sent, with the digests of what is sent.
    async fn ready(&self, request: &Request) -> Result<Vec<(ReadyPicture, Digest)>, Refusal> {
        let (source, references) = (Arc::clone(&self.pictures), request.references.clone());
        let work = move || -> Result<Vec<_>, String> {
            let ready = references.iter().map(|reference| {
                let picture = source.ready(reference)?;
                let digest = Digest::of(&picture.bytes);
                Ok((picture, digest))
            });
            ready.collect()
        };
        let ready = tokio::task::spawn_blocking(work).await;
        let ready = ready.unwrap_or_else(|_| Err("reading the pictures broke off".to_owned()));
        ready.map_err(|why| refusal("picture", Retry::Never, self.mask.clean(&why)))
    }

    /// The handle of a picture: remembered while it is good, else uploaded, once for all jobs
    /// that wait for it.
    async fn handle(
        &self,
        upload: &Upload,
        key: &HandleKey,
        request: &Request,
        name: &str,
        parcel: &Parcel,
    ) -> Result<Kept, Refusal> {
        let slot = self.handles.slot(key);
        let mut slot = slot.lock().await;
        let now = self.clock.now();
        if let Some(kept) = slot.as_ref().filter(|kept| kept.until.is_none_or(|t| now < t)) {
            return Ok(kept.clone());
        }
        let handle = self.upload(upload, &key.0, request, name, parcel).await?;
        // A tenth is left for the job to wait in the provider's queue.
        let until = upload.lifetime_s.and_then(|seconds| {
            let usable = i64::try_from(seconds - seconds / 10).ok()?;
            now.checked_add(SignedDuration::from_secs(usable)).ok()
        });
        let kept = Kept { handle, until };
        *slot = Some(kept.clone());
        Ok(kept)
    }

    async fn upload(
        &self,
        upload: &Upload,
        digest: &Digest,
        request: &Request,
        name: &str,
        parcel: &Parcel,
    ) -> Result<String, Refusal> {
        let picture = json!({
            "at": 0,
            "name": name,
            "file_name": parcel.file_name,
            "media_type": parcel.media_type,
            "bytes": parcel.bytes.len(),
            "digest": digest.to_string(),
        });
        let names = self.facts.of(request).names.clone();
        let known = minijinja::context! { picture => scope_of(&picture), ..names };
        let seen = |kept: &BTreeMap<String, Json>| {
            minijinja::context! { captured => scope_of(kept), ..known.clone() }
        };
        let mut kept: BTreeMap<String, Json> = BTreeMap::new();
        let wrong = |e: crate::wire::WireError| {
            refusal("upload", Retry::Never, self.mask.clean(&format!("uploading a picture: {e}")))
        };
        for step in &upload.steps {
            let scope = seen(&kept);
            if step.when.as_ref().is_some_and(|when| !when.holds(&scope)) {
                continue;
            }
            let call = step.call(&self.built(), &scope).map_err(wrong)?;
            let answer = self.client.upload(&call, std::slice::from_ref(parcel)).await;
            let reply = self.judge_upload(step, answer, &scope)?;
            kept.extend(captured(&step.capture, reply.body(), &self.mask));
            for (name, header) in &step.capture_headers {
                if let Some(text) = reply.headers.get(&header.to_ascii_lowercase()) {
                    kept.insert(name.clone(), Json::from(text.as_str()));
                }
            }
        }
        let handle = upload.handle.fill(&seen(&kept)).map_err(wrong)?;
        handle.filter(|handle| !handle.is_empty()).ok_or_else(|| {
            let message = format!("{} gave no handle for an uploaded picture", self.card.provider);
            refusal("upload", Retry::Never, message)
        })
    }

    fn judge_upload(
        &self,
        step: &UploadStep,
        answer: Result<Reply, Trouble>,
        known: &Scope,
    ) -> Result<Reply, Refusal> {
        let doing = format!("uploading a picture to {}", self.card.provider);
        let reply = answer.map_err(|trouble| {
            let message = format!("{doing}: {}", self.mask.clean(trouble.message()));
            match trouble {
                Trouble::Unreachable(_) => refusal("unreachable", Retry::After(None), message),
                Trouble::Forbidden(_) => refusal("forbidden", Retry::Never, message),
                Trouble::NoReply(_) => refusal("transient", Retry::After(None), message),
            }
        })?;
        let good = step.accepted.as_ref().is_none_or(|good| good.holds(&reply.scope(known)));
        let readable = reply.cut.is_none() && (step.capture.is_empty() || reply.json.is_some());
        if reply.is_ok() && good && readable {
            return Ok(reply);
        }
        let said = Said::of(&self.card.errors, &reply, &self.mask);
        let verdict = by_rule(&self.card.errors, Stage::Upload, &reply, &said, known)
            .or_else(|| by_status(Stage::Upload, reply.status));
        let class = verdict.as_ref().map_or(Class::Transient, |Verdict { class, .. }| *class);
        let retry = match class {
            Class::Invalid | Class::Auth | Class::Payment | Class::Policy | Class::NotFound => {
                Retry::Never
            }
            Class::RateLimited | Class::ConcurrencyFull => again(&reply),
            Class::Transient | Class::OutcomeUnknown => again(&reply),
        };
        let why = reply.cut.clone().unwrap_or_else(|| said.words(&reply, &self.mask));
        let message = format!("{doing}: it answers {}: {why}", reply.status);
        Err(refusal(class.as_str(), retry, message))
    }
}

fn refusal(cause: &str, retry: Retry, message: String) -> Refusal {
    Refusal { retry, cause: cause.to_owned(), message }
}
