//! Measuring every picture of a catalogue, each file once, in parallel, in bounded memory.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::gate::Gate;
use super::kept::Kept;
use super::measure::{Measures, measure};
use crate::digest::Digest;
use crate::limits::Limits;
use crate::media::decode::{PictureLimits, decode};
use crate::media::{Facts, PictureId, PictureProblem, PictureTable, read_whole};

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Looking<'a> {
    /// The pictures, probed.
    pub pictures: &'a PictureTable,
    /// The folder that their paths are relative to.
    pub workspace: &'a Path,
    /// What was measured before.
    pub kept: &'a Kept,
    /// Limits on files and pixels.
    pub limits: &'a Limits,
}

/// What was seen.
#[derive(Debug, Clone, Default)]
pub struct Looked {
    /// For each picture of the table, in its order, its measures or why there are none.
    by_picture: Vec<Result<Arc<Measures>, PictureProblem>>,
    /// Files that were decoded now.
    pub decoded: u64,
    /// Files whose measures were kept.
    pub kept: u64,
}

impl Looked {
    /// The measures of a picture, or why there are none.
    pub fn of(&self, picture: PictureId) -> &Result<Arc<Measures>, PictureProblem> {
        &self.by_picture[picture.0 as usize]
    }

    /// Digest and measures of every file, each once, in the order of the table.
    pub fn by_digest<'l>(
        &'l self,
        pictures: &'l PictureTable,
    ) -> impl Iterator<Item = (Digest, &'l Arc<Measures>)> {
        let mut seen = std::collections::HashSet::new();
        pictures.iter().filter_map(move |(id, _)| {
            let digest = pictures.facts(id)?.digest;
            let measures = self.of(id).as_ref().ok()?;
            seen.insert(digest).then_some((digest, measures))
        })
    }
}

/// Measures every picture that could be probed. `done` is called after each file that was decoded,
/// from any thread.
pub fn look(looking: Looking<'_>, done: impl Fn() + Sync) -> Looked {
    let Looking { pictures, kept, limits, .. } = looking;
    // The same bytes under several paths are decoded once.
    let mut first: HashMap<Digest, usize> = HashMap::new();
    let mut work: Vec<(&str, &Facts)> = Vec::new();
    for (id, picture) in pictures.iter() {
        let Some(facts) = pictures.facts(id) else { continue };
        if kept.get(&facts.digest).is_none() && !first.contains_key(&facts.digest) {
            first.insert(facts.digest, work.len());
            work.push((&picture.path, facts));
        }
    }
    let gate = Gate::new(limits.picture_pixels);
    let fresh: Vec<Result<Arc<Measures>, PictureProblem>> = work
        .par_iter()
        .with_max_len(1)
        .map(|(path, facts)| {
            let pixels = u64::from(facts.width) * u64::from(facts.height);
            let pass = gate.enter(pixels);
            let measured = measured(&looking.workspace.join(path), facts, limits);
            drop(pass);
            done();
            measured
        })
        .collect();
    let by_picture: Vec<_> = pictures
        .iter()
        .map(|(_, picture)| match &picture.facts {
            Some(Ok(facts)) => match (kept.get(&facts.digest), first.get(&facts.digest)) {
                (Some(measures), _) => Ok(measures.clone()),
                (None, Some(at)) => fresh[*at].clone(),
                (None, None) => Err(PictureProblem::Unreadable("it was not measured".to_owned())),
            },
            Some(Err(problem)) => Err(problem.clone()),
            None => Err(PictureProblem::Unreadable("it was not probed".to_owned())),
        })
        .collect();
    let known = pictures.iter().filter_map(|(id, _)| kept.get(&pictures.facts(id)?.digest)).count();
    Looked { by_picture, decoded: fresh.len() as u64, kept: known as u64 }
}

fn measured(path: &Path, facts: &Facts, limits: &Limits) -> Result<Arc<Measures>, PictureProblem> {
    let limits = PictureLimits::from(limits);
    let bytes = read_whole(path, limits.bytes)?;
    if Digest::of(&bytes) != facts.digest {
        let why = "it changed while it was looked at; look again";
        return Err(PictureProblem::Unreadable(why.to_owned()));
    }
    let pixels = decode(&bytes, &limits)?;
    drop(bytes);
    Ok(Arc::new(measure(&pixels)))
}
