//! Clips of simulated jobs: rendered by the animatic, a few at a time, once for equal jobs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rust_decimal::Decimal;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::submission::Submission;
use crate::address::Address;
use crate::digest::{Digest, FieldHasher};
use crate::media::prepare::Recipe;
use crate::models::Route;
use crate::plan::{Fingerprint, JobSettings, Request, RequestReference};
use crate::providers::animatic;

/// Seconds of a clip at most, however long the job: enough to look at.
const MOST_SECONDS: Decimal = Decimal::from_parts(15, 0, 0, false, 0);

/// A clip being made: empty until it is there, or until it is known why not.
pub(super) type Clip = Arc<OnceLock<Result<PathBuf, String>>>;

/// Makes clips.
pub(super) struct Clips {
    folder: PathBuf,
    /// Pixels of the shorter side at most.
    short_side: u32,
    made: Mutex<HashMap<Digest, Clip>>,
    /// As many at once as there are cores.
    places: Arc<Semaphore>,
    runtime: Handle,
}

impl Clips {
    /// Clips kept in this folder, rendered beside the runtime's own threads.
    pub(super) fn new(folder: &Path, short_side: u32, runtime: Handle) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Clips {
            folder: folder.to_owned(),
            short_side,
            made: Mutex::default(),
            places: Arc::new(Semaphore::new(cores)),
            runtime,
        })
    }

    /// The clip of a submission, from the pictures of it that can be used.
    pub(super) fn order(&self, job: &Submission, pictures: Vec<RequestReference>) -> Clip {
        let request = self.request(job, pictures);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(clip) = made.get(&request.fingerprint) {
            return clip.clone();
        }
        let clip = Clip::default();
        made.insert(request.fingerprint, clip.clone());
        drop(made);
        let file = self.folder.join(format!("{}.mp4", request.fingerprint));
        let (slot, places) = (clip.clone(), self.places.clone());
        let runtime = self.runtime.clone();
        self.runtime.spawn(async move {
            let Ok(_place) = places.acquire_owned().await else { return };
            let rendered = runtime.spawn_blocking(move || render(request, file)).await;
            let outcome = rendered.unwrap_or_else(|_| Err("the renderer broke off".to_owned()));
            // Only this task fills it.
            let _ = slot.set(outcome);
        });
        clip
    }

    fn request(&self, job: &Submission, mut references: Vec<RequestReference>) -> Request {
        let route = match (job.route, references.len()) {
            (_, 0) => Route::Text,
            (Route::Frames, 1) => Route::Image,
            (route, _) => route,
        };
        if route == Route::Text {
            references.clear();
        }
        let (width, height) = self.size(job.settings.width, job.settings.height);
        let settings = JobSettings {
            duration: job.settings.duration.min(MOST_SECONDS),
            aspect: job.settings.aspect.clone(),
            resolution: job.settings.resolution.clone(),
            width,
            height,
            fps: None,
            seed: job.seed,
        };
        let pictures = references.iter().map(|r| (r.role, &r.digest, &Recipe::AsItIs));
        let parts =
            Fingerprint::of(&job.model, route, &job.prompt, None, &settings, pictures).parts;
        // Which model is asked changes nothing of what is drawn.
        let mut name = FieldHasher::new("rehearsed clip");
        name.field(route.as_str().as_bytes());
        for part in &parts[1..] {
            name.field(&part.to_le_bytes());
        }
        Request {
            address: Address::new(None, "rehearsal", None, 1),
            model: job.model.model.clone(),
            provider: job.model.provider.clone(),
            route,
            prompt: job.prompt.clone(),
            negative_prompt: None,
            settings,
            references,
            out: String::new(),
            fingerprint: name.finish(),
            shot: job.model.provider.clone(),
            subject: None,
        }
    }

    /// The size that is rendered: the job's, or smaller with the same shape.
    fn size(&self, width: u32, height: u32) -> (u32, u32) {
        let short = width.min(height).max(1);
        let scaled = |side: u32| {
            let pixels = u64::from(side) * u64::from(self.short_side) / u64::from(short);
            // 4:2:0 needs even sides; nothing that a card says may be too large to make.
            u32::try_from(pixels).unwrap_or(2).clamp(2, 4096).next_multiple_of(2)
        };
        if short <= self.short_side && width.max(height) <= 4096 {
            (width.max(2).next_multiple_of(2), height.max(2).next_multiple_of(2))
        } else {
            (scaled(width), scaled(height))
        }
    }
}

/// Renders; where the pictures can't be shown, the prompt is.
fn render(mut request: Request, file: PathBuf) -> Result<PathBuf, String> {
    let nowhere = Path::new("");
    let failed = match animatic::render(&request, nowhere, &file) {
        Ok(_) => return Ok(file),
        Err(error) => error,
    };
    if request.references.is_empty() {
        return Err(failed.to_string());
    }
    request.references.clear();
    request.route = Route::Text;
    animatic::render(&request, nowhere, &file).map_err(|e| e.to_string())?;
    Ok(file)
}
