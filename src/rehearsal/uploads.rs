//! Uploads: pictures that clients hand over before they submit.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::body::Sent;
use super::replies::Said;
use super::routes::{Address, Routes, UploadAt};
use crate::protocol::{Built, Method, ProviderCard, Upload};
use crate::wire::{Scope, scope_of};

/// An upload that has begun.
#[derive(Debug, Clone, Default)]
pub(super) struct Begun {
    /// Its id.
    pub(super) id: String,
    /// What the replies gave, as the card captures it.
    captured: BTreeMap<String, Json>,
    /// The picture, once it is there.
    bytes: Option<axum::body::Bytes>,
    /// What the client calls the picture.
    file_name: Option<String>,
    /// Steps that were made.
    made: Vec<usize>,
}

/// A picture with its handle.
#[derive(Debug)]
pub(super) struct Kept {
    /// What a submission calls it.
    pub(super) handle: String,
    /// Its bytes.
    pub(super) bytes: axum::body::Bytes,
}

/// All uploads of one provider.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    begun: Vec<Begun>,
}

impl Uploads {
    /// Begins an upload.
    pub(super) fn begin(&mut self, id: String) -> UploadAt {
        self.begun.push(Begun { id, ..Begun::default() });
        UploadAt { upload: self.begun.len() - 1, step: 0 }
    }

    /// The upload that a request belongs to: the one at its address, or a copy of it where that
    /// step was made before, because several uploads share the address.
    pub(super) fn at(&mut self, at: UploadAt, id: impl FnOnce() -> String) -> UploadAt {
        let begun = &self.begun[at.upload];
        if !begun.made.contains(&at.step) {
            return at;
        }
        let copy = Begun { id: id(), made: Vec::new(), bytes: None, ..begun.clone() };
        self.begun.push(copy);
        UploadAt { upload: self.begun.len() - 1, ..at }
    }

    /// Answers one step, and keeps what it brought. `scope` is what every reply sees.
    pub(super) fn step(
        &mut self,
        card: &ProviderCard,
        built: &Built<'_>,
        routes: &mut Routes,
        at: UploadAt,
        sent: &Sent,
        scope: &Scope,
    ) -> (Said, Option<Kept>) {
        let (Some(upload), Some(reply)) = (&card.images.upload, card.rehearsal.upload.get(at.step))
        else {
            return (Said::plain(404, "no upload is begun like this"), None);
        };
        let begun = &mut self.begun[at.upload];
        begun.made.push(at.step);
        begun.take(sent);
        let scope = minijinja::context! { id => &begun.id[..], ..scope.clone() };
        let said = Said::of(reply, &scope);
        let step = &upload.steps[at.step];
        begun.captured.extend(said.captures(&step.capture));
        for (name, header) in &step.capture_headers {
            if let Some(value) = said.headers.get(&header.to_ascii_lowercase()) {
                begun.captured.insert(name.clone(), Json::String(value.clone()));
            }
        }
        let scope = minijinja::context! {
            captured => scope_of(&begun.captured),
            picture => scope_of(&begun.picture()), ..scope
        };
        for (number, next) in upload.steps.iter().enumerate().skip(at.step + 1) {
            let url = built.url(&next.path, &next.query, &scope).ok();
            let method = next.method.unwrap_or(Method::Post);
            if let Some(address) = url.and_then(|url| Address::of(method, &url)) {
                routes.enter_upload(&address, UploadAt { step: number, ..at });
            }
        }
        (said, begun.kept(upload, &scope))
    }
}

impl Begun {
    fn take(&mut self, sent: &Sent) {
        let file = sent.files.first();
        if let Some(name) = file.and_then(|file| file.file_name.clone()) {
            self.file_name = Some(name);
        }
        for name in ["filename", "file_name"] {
            if let Some(name) = sent.json.get(name).and_then(Json::as_str) {
                self.file_name = Some(name.to_owned());
            }
        }
        if let Some(file) = file {
            self.bytes = Some(file.bytes.clone());
        } else if sent.json.is_null() && !sent.bytes.is_empty() {
            self.bytes = Some(sent.bytes.clone());
        }
    }

    fn picture(&self) -> Json {
        let name = self.file_name.as_deref().unwrap_or("picture");
        let bytes = self.bytes.as_ref().map(axum::body::Bytes::len);
        json!({ "name": name, "file_name": name, "bytes": bytes })
    }

    fn kept(&self, upload: &Upload, scope: &Scope) -> Option<Kept> {
        let bytes = self.bytes.clone()?;
        let handle = upload.handle.fill(scope).ok().flatten()?;
        Some(Kept { handle, bytes })
    }
}
