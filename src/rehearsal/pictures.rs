//! Pictures that clients send: inside the request, uploaded before, or by a URL, which a
//! rehearsal never follows.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use axum::body::Bytes;
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};

use super::body::SentFile;
use super::submission::{How, SentPicture};
use crate::digest::Digest;
use crate::limits::Limits;
use crate::manifest::Role;
use crate::media::{probe, recognise};
use crate::plan::RequestReference;

/// Every picture that came, by its bytes; uploaded ones by handle too.
#[derive(Debug)]
pub(super) struct Pictures {
    folder: PathBuf,
    handles: Mutex<HashMap<String, Digest>>,
}

impl Pictures {
    /// Pictures kept in this folder.
    pub(super) fn new(folder: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        Ok(Pictures { folder: folder.to_owned(), handles: Mutex::default() })
    }

    /// Keeps an uploaded picture under its handle. Bytes that are no picture are forgotten.
    pub(super) fn uploaded(&self, handle: &str, bytes: &[u8]) -> std::io::Result<()> {
        if let Some(digest) = self.keep(bytes)? {
            let mut handles =
                self.handles.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            handles.insert(handle.to_owned(), digest);
        }
        Ok(())
    }

    /// The pictures of a submission that the renderer can use, in their order. One that went by
    /// a URL, or is no picture, is left out.
    pub(super) fn usable(
        &self,
        sent: &[SentPicture],
        files: &[SentFile],
    ) -> std::io::Result<Vec<RequestReference>> {
        let mut usable = Vec::new();
        for (at, picture) in sent.iter().enumerate() {
            let digest = match &picture.how {
                How::File(position) => match files.get(*position) {
                    Some(file) => self.keep(&file.bytes)?,
                    None => None,
                },
                How::Text(text) => self.of_text(text)?,
            };
            let reference = digest.and_then(|digest| self.reference(at, picture.role, digest));
            usable.extend(reference);
        }
        Ok(usable)
    }

    fn of_text(&self, text: &str) -> std::io::Result<Option<Digest>> {
        let handles = self.handles.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(digest) = handles.get(text) {
            return Ok(Some(*digest));
        }
        drop(handles);
        match decoded(text) {
            Some(bytes) => self.keep(&bytes),
            None => Ok(None),
        }
    }

    /// Writes a picture to its file; absent when the bytes are no picture.
    fn keep(&self, bytes: &[u8]) -> std::io::Result<Option<Digest>> {
        if recognise(bytes).is_err() {
            return Ok(None);
        }
        let digest = Digest::of(bytes);
        let path = self.path(&digest);
        if !path.is_file() {
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            std::io::Write::write_all(&mut file, bytes)?;
            file.persist(&path).map_err(|e| e.error)?;
        }
        Ok(Some(digest))
    }

    fn reference(&self, at: usize, role: Role, digest: Digest) -> Option<RequestReference> {
        let path = self.path(&digest);
        let facts = probe(&path, &Limits::default()).ok()?;
        Some(RequestReference {
            name: format!("picture{}", at + 1),
            role,
            given: None,
            path: path.display().to_string(),
            digest,
            format: facts.format,
            width: facts.width,
            height: facts.height,
            url: None,
            source: None,
            recipe: None,
        })
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(digest.to_string())
    }
}

/// The bytes of a data URI or of base64 text.
fn decoded(text: &str) -> Option<Bytes> {
    let base64 = match text.strip_prefix("data:") {
        Some(rest) => rest.split_once(";base64,")?.1,
        None if text.contains("://") => return None,
        None => text,
    };
    [BASE64, BASE64URL, BASE64_NOPAD, BASE64URL_NOPAD]
        .iter()
        .find_map(|encoding| encoding.decode(base64.as_bytes()).ok())
        .map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_found_in_data_uris_base64_and_under_handles() {
        let folder = tempfile::tempdir().expect("a folder");
        let pictures = Pictures::new(folder.path()).expect("it can be made");
        let mut png = std::io::Cursor::new(Vec::new());
        image::RgbaImage::new(8, 6).write_to(&mut png, image::ImageFormat::Png).expect("a PNG");
        let png = png.into_inner();
        pictures.uploaded("runway://1", &png).expect("kept");
        let sent: Vec<SentPicture> = [
            format!("data:image/png;base64,{}", BASE64.encode(&png)),
            BASE64.encode(&png),
            "runway://1".to_owned(),
            "https://example.com/a.png".to_owned(),
            "bm90IGEgcGljdHVyZQ==".to_owned(),
        ]
        .into_iter()
        .map(|text| SentPicture { role: Role::Identity, how: How::Text(text) })
        .collect();
        let usable = pictures.usable(&sent, &[]).expect("readable");
        let names: Vec<_> = usable.iter().map(|r| (&r.name[..], r.width, r.height)).collect();
        assert_eq!(names, [("picture1", 8, 6), ("picture2", 8, 6), ("picture3", 8, 6)]);
    }
}
