//! Prepared once, used often, never trusted blindly.

use std::path::PathBuf;

use super::*;
use crate::digest::Digest;

struct Kept {
    _folder: tempfile::TempDir,
    cache: PreparedCache,
    source: PathBuf,
    digest: Digest,
    recipe: Recipe,
}

fn kept() -> Kept {
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("source.png");
    let bytes = png(noise(60, 40));
    std::fs::write(&source, &bytes).expect("writes");
    let needs = PictureNeeds { max_side: Some(30), ..PictureNeeds::default() };
    let recipe = recipe_for(&bytes, &needs);
    let cache = PreparedCache::new(folder.path().join("prepared"));
    Kept { cache, source, digest: Digest::of(&bytes), recipe, _folder: folder }
}

impl Kept {
    fn get(&self) -> Result<Prepared, CacheError> {
        let limits = PictureLimits::default();
        self.cache.get_or_prepare(&self.source, &self.digest, &self.recipe, &limits)
    }

    fn get_without_decoding(&self) -> Result<Prepared, CacheError> {
        // Whoever decodes meets this limit.
        let limits = PictureLimits { pixels: 1, ..PictureLimits::default() };
        self.cache.get_or_prepare(&self.source, &self.digest, &self.recipe, &limits)
    }

    fn files(&self) -> Vec<PathBuf> {
        let folder = self._folder.path().join("prepared");
        let pattern = folder.join("*/*");
        let found = glob::glob(&pattern.to_string_lossy()).expect("a pattern");
        found.map(|path| path.expect("readable")).collect()
    }
}

#[test]
fn what_was_prepared_once_is_not_decoded_again() {
    let kept = kept();
    assert!(kept.get_without_decoding().is_err(), "nothing is kept yet");
    let first = kept.get().expect("made");
    assert_eq!(kept.get_without_decoding().expect("kept"), first);
    assert_eq!(kept.files().len(), 1);
}

#[test]
fn what_is_kept_opens_as_a_picture() {
    let kept = kept();
    let first = kept.get().expect("made");
    let file = &kept.files()[0];
    assert_eq!(file.extension().and_then(|e| e.to_str()), Some("jpg"));
    assert_eq!(seen(&std::fs::read(file).expect("readable")), seen(&first.bytes));
}

#[test]
fn a_damaged_file_is_made_anew() {
    let kept = kept();
    let first = kept.get().expect("made");
    let file = kept.files().remove(0);
    let whole = std::fs::read(&file).expect("readable");
    for at in [whole.len() / 2, whole.len() - 50, whole.len() - 14] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        std::fs::write(&file, &damaged).expect("writes");
        assert_eq!(kept.get().expect("made anew"), first);
        assert_eq!(std::fs::read(&file).expect("readable"), whole);
    }
    std::fs::write(&file, b"").expect("writes");
    assert_eq!(kept.get().expect("made anew"), first);
}

#[test]
fn a_source_that_changed_since_it_was_planned_is_refused_even_when_it_is_kept() {
    let kept = kept();
    kept.get().expect("made");
    std::fs::write(&kept.source, png(noise(61, 40))).expect("writes");
    assert!(matches!(kept.get(), Err(CacheError::Changed { .. })));
    std::fs::remove_file(&kept.source).expect("removed");
    assert!(matches!(kept.get(), Err(CacheError::Picture(PictureProblem::Missing))));
}

#[test]
fn a_file_that_is_sent_as_it_is_is_not_kept() {
    let kept = Kept { recipe: Recipe::AsItIs, ..kept() };
    let sent = kept.get().expect("read");
    assert_eq!(sent.bytes, std::fs::read(&kept.source).expect("readable"));
    assert!(kept.files().is_empty());
}

#[test]
fn many_may_ask_at_once() {
    let kept = kept();
    let all: Vec<Prepared> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(|| kept.get().expect("made"))).collect();
        asking.into_iter().map(|one| one.join().expect("no panic")).collect()
    });
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(kept.files().len(), 1);
}
