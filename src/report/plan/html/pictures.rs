//! Thumbnails of references, each in the page once, as style rules.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use rayon::prelude::*;

use super::PlanHtmlOptions;
use crate::digest::Digest;
use crate::media::{Locked, PictureLock};
use crate::plan::JobLine;
use crate::report::plan::sample::SampledJobs;
use crate::report::thumbnail::{inside, thumbnail};

/// Longest side in pixels: twice what it takes on the page.
const SIDE: u32 = 88;

/// Bytes of all of them together.
const BYTES: usize = 400_000;

/// Pictures by their path.
pub(super) struct Thumbnails {
    /// The number of each one's style rule and its address.
    made: BTreeMap<String, (usize, String)>,
    left_out: usize,
}

fn digest_of(file: &Path) -> Option<Digest> {
    let (digest, _) = Digest::of_reader(File::open(file).ok()?).ok()?;
    Some(digest)
}

impl Thumbnails {
    /// Makes those of the first jobs in parallel, as many as are wanted and fit.
    pub(super) fn of(jobs: &SampledJobs, options: &PlanHtmlOptions) -> Self {
        let mut paths: Vec<&str> = Vec::new();
        let mut known = std::collections::HashSet::new();
        let lines = jobs.unpriced.iter().chain(&jobs.priced);
        for path in lines.flat_map(|line: &JobLine| &line.pictures) {
            if known.insert(path.as_str()) {
                paths.push(path);
            }
        }
        let Some(workspace) = &options.workspace else {
            return Thumbnails { made: BTreeMap::new(), left_out: paths.len() };
        };
        // What has a URL is known by it; the lock file says where its bytes are.
        let urls = paths.iter().any(|path| path.contains("://"));
        let lock = urls.then(|| PictureLock::read(workspace).unwrap_or_default());
        let lock = lock.unwrap_or_default();
        let small: Vec<Option<String>> = paths
            .par_iter()
            .take(options.thumbnails)
            .map(|path| {
                let kept = lock.get(path).map(Locked::path);
                let file = inside(workspace, kept.as_deref().unwrap_or(path))?;
                let planned = options.digests.get(*path);
                let same = planned.is_none_or(|planned| digest_of(&file) == Some(*planned));
                if same { thumbnail(&file, SIDE).ok() } else { None }
            })
            .collect();
        let mut made = BTreeMap::new();
        let mut bytes = 0;
        for (path, small) in paths.iter().zip(small) {
            let Some(small) = small.filter(|small| bytes + small.len() <= BYTES) else { continue };
            bytes += small.len();
            made.insert((*path).to_owned(), (made.len(), small));
        }
        Thumbnails { left_out: paths.len() - made.len(), made }
    }

    /// One style rule each. Nothing in it comes from a user: an address is base64 made here.
    pub(super) fn styles(&self) -> String {
        let rule = |(index, small): &(usize, String)| {
            format!(".t{index}{{background-image:url({small})}}\n")
        };
        self.made.values().map(rule).collect()
    }

    /// The class of a picture.
    pub(super) fn class(&self, path: &str) -> Option<String> {
        self.made.get(path).map(|(index, _)| format!("t{index}"))
    }

    /// How many there are.
    pub(super) fn made(&self) -> usize {
        self.made.len()
    }

    /// How many pictures of the listed jobs are not on the page.
    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }
}
