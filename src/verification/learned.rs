//! References that were learned, kept for the next clip that is held against them.
//!
//! What lives here: the picture as it was sent, learned once for all threads, and how many are kept.
//! What never does: clips.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use image::RgbImage;

use crate::consistency::{Reference, Role, WORKING};
use crate::digest::Digest;
use crate::inspect::raster::{flattened, reduced};
use crate::limits::Limits;
use crate::media::PictureProblem;
use crate::media::decode::{PictureLimits, decode};
use crate::media::prepare::{CacheError, PreparedCache, Recipe};
use crate::plan::RequestReference;

/// How many are kept. One takes up to 8 MiB (planes in seven blurs at 256 pixels, points, and the
/// picture at 640), so all of them take a quarter of a GiB at most.
const KEPT: usize = 32;

/// A picture as it was sent.
#[derive(Debug)]
pub(super) struct Learnt {
    /// What is compared.
    pub reference: Reference,
    /// What a person is shown: on white, its longer side at most [`WORKING`].
    pub shown: RgbImage,
}

/// Why a picture can't be learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unlearnt {
    /// The file is another one by now, or none.
    Gone,
    /// It can't be read or prepared; in words.
    Unreadable(String),
}

/// The source's digest, the recipe's id, and what it is compared as.
type Key = (Digest, Option<String>, Role);
/// Filled by the first thread that needs it, while others that need it wait.
type Slot = Arc<OnceLock<Result<Arc<Learnt>, Unlearnt>>>;

/// The latest references of a workspace. Shared by threads.
#[derive(Debug)]
pub(super) struct Learned {
    workspace: PathBuf,
    limits: PictureLimits,
    prepared: PreparedCache,
    /// The one used last at the end.
    slots: Mutex<Vec<(Key, Slot)>>,
}

impl Learned {
    pub fn of(workspace: &Path, limits: &Limits) -> Self {
        Learned {
            workspace: workspace.to_owned(),
            limits: PictureLimits::from(limits),
            prepared: PreparedCache::new(workspace.join(".kinora").join("prepared")),
            slots: Mutex::default(),
        }
    }

    /// The picture of a request, learned.
    pub fn get(&self, picture: &RequestReference, role: Role) -> Result<Arc<Learnt>, Unlearnt> {
        let recipe = picture.recipe.as_ref().and_then(Recipe::making).is_some();
        let recipe = picture.recipe.as_ref().filter(|_| recipe).map(Recipe::id);
        let key = (picture.digest, recipe, role);
        let slot = self.slot(&key);
        let learnt = slot.get_or_init(|| self.learn(picture, role).map(Arc::new)).clone();
        if learnt.is_err() {
            // The file may be put back.
            self.slots().retain(|(_, kept)| !Arc::ptr_eq(kept, &slot));
        }
        learnt
    }

    fn slots(&self) -> MutexGuard<'_, Vec<(Key, Slot)>> {
        // A thread that panicked left no half of an entry behind.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, key: &Key) -> Slot {
        let mut slots = self.slots();
        let known = slots.iter().position(|(kept, _)| kept == key);
        let entry = match known {
            Some(at) => slots.remove(at),
            None => (key.clone(), Slot::default()),
        };
        let slot = Arc::clone(&entry.1);
        slots.push(entry);
        if slots.len() > KEPT {
            slots.remove(0);
        }
        slot
    }

    fn learn(&self, picture: &RequestReference, role: Role) -> Result<Learnt, Unlearnt> {
        let path = self.workspace.join(&picture.path);
        let recipe = picture.recipe.as_ref().unwrap_or(&Recipe::AsItIs);
        let prepared = self
            .prepared
            .get_or_prepare(&path, &picture.digest, recipe, &self.limits)
            .map_err(|e| match e {
            CacheError::Changed { .. } | CacheError::Picture(PictureProblem::Missing) => {
                Unlearnt::Gone
            }
            other => Unlearnt::Unreadable(other.to_string()),
        })?;
        let pixels = decode(&prepared.bytes, &self.limits)
            .map_err(|e| Unlearnt::Unreadable(e.to_string()))?;
        let reference = Reference::learn(&pixels.image, role);
        let shown = flattened(reduced(&pixels.image, WORKING));
        let shown = image::DynamicImage::ImageRgba8(shown).into_rgb8();
        Ok(Learnt { reference, shown })
    }
}
