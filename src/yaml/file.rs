//! Reading a YAML file whole, within its limit.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::diagnostic::{Place, Source, SourceId, Sources};
use crate::limits::Limits;

/// Why a file can't be read.
#[derive(Debug)]
pub enum ReadProblem {
    /// There is no such file.
    Missing,
    /// The system refuses, in its words.
    Io(String),
    /// It is longer than `manifest_bytes`.
    TooLong(u64),
    /// It is not UTF-8; the place of the first wrong byte.
    NotUtf8(Place),
}

/// Reads a file and registers it under the name by which people know it.
pub fn read_file(
    path: &Path,
    name: &str,
    limits: &Limits,
    sources: &mut Sources,
) -> Result<(SourceId, Arc<str>), ReadProblem> {
    let file = std::fs::File::open(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => ReadProblem::Missing,
        _ => ReadProblem::Io(e.to_string()),
    })?;
    let mut bytes = Vec::new();
    file.take(limits.manifest_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|e| ReadProblem::Io(e.to_string()))?;
    if bytes.len() as u64 > limits.manifest_bytes {
        return Err(ReadProblem::TooLong(limits.manifest_bytes));
    }
    let (text, wrong) = match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            // Bytes before the first wrong one keep their offsets, so the place stays true.
            (String::from_utf8_lossy(error.as_bytes()).into_owned(), Some(at))
        }
    };
    let text: Arc<str> = Arc::from(text);
    let source =
        Source { name: Arc::from(name), path: path.to_owned(), text: Some(Arc::clone(&text)) };
    let id = sources.add(source);
    match wrong {
        None => Ok((id, text)),
        Some(at) => Err(ReadProblem::NotUtf8(Place::new(id, at as u64, 3))),
    }
}
