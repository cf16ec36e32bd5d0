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

/// The bytes of a plain clip, without what tells it from others.
type Plain = Arc<OnceLock<Result<Vec<u8>, String>>>;

/// What clips look like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looks {
    /// Pixels of the shorter side at most.
    pub(super) short_side: u32,
    /// Whether all of a size and length show the same, so that only one of them is rendered.
    pub(super) plain: bool,
}

/// Makes clips.
pub(super) struct Clips {
    folder: PathBuf,
    looks: Looks,
    made: Mutex<HashMap<Digest, Clip>>,
    /// What plain clips are made of.
    plain: Mutex<HashMap<Digest, Plain>>,
    /// As many at once as there are cores.
    places: Arc<Semaphore>,
    runtime: Handle,
}

impl Clips {
    /// Clips kept in this folder, rendered beside the runtime's own threads.
    pub(super) fn new(folder: &Path, looks: Looks, runtime: Handle) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Clips {
            folder: folder.to_owned(),
            looks,
            made: Mutex::default(),
            plain: Mutex::default(),
            places: Arc::new(Semaphore::new(cores)),
            runtime,
        })
    }

    /// The clip of the submission of this number, from the pictures of it that can be used.
    pub(super) fn order(
        &self,
        job: &Submission,
        pictures: Vec<RequestReference>,
        number: u64,
    ) -> Clip {
        if self.looks.plain {
            return self.order_plain(job, number);
        }
        let request = self.request(job, pictures);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(clip) = made.get(&request.fingerprint) {
            return clip.clone();
        }
        let clip = Clip::default();
        made.insert(request.fingerprint, clip.clone());
        drop(made);
        let file = self.folder.join(format!("{}.mp4", request.fingerprint));
        self.make(&clip, move || render(request, file));
        clip
    }

    /// A clip like all of its size and length, with its number in a box of its own: no two have
    /// the same digest.
    fn order_plain(&self, job: &Submission, number: u64) -> Clip {
        let mut request = self.request(job, Vec::new());
        request.settings.seed = None;
        request.prompt = "a plain clip".to_owned();
        let name = FieldHasher::new("plain clip")
            .field(&request.settings.width.to_le_bytes())
            .field(&request.settings.height.to_le_bytes())
            .field(request.settings.duration.normalize().to_string().as_bytes())
            .finish();
        request.fingerprint = name;
        let mut plain = self.plain.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = plain.entry(name).or_default().clone();
        drop(plain);
        let base = self.folder.join(format!("{name}.mp4"));
        let file = self.folder.join(format!("plain-{number}.mp4"));
        let mark = format!("submission {number} of {}", request.provider);
        let clip = Clip::default();
        self.make(&clip, move || {
            let rendered = || {
                let file = render(request, base)?;
                std::fs::read(file).map_err(|e| e.to_string())
            };
            let mut bytes = shared.get_or_init(rendered).clone()?;
            bytes.extend(free_box(&mark));
            std::fs::write(&file, bytes).map_err(|e| e.to_string())?;
            Ok(file)
        });
        clip
    }

    /// Makes a clip beside the runtime's own threads, when there is a place.
    fn make(&self, clip: &Clip, work: impl FnOnce() -> Result<PathBuf, String> + Send + 'static) {
        let (slot, places) = (clip.clone(), self.places.clone());
        let runtime = self.runtime.clone();
        self.runtime.spawn(async move {
            let Ok(_place) = places.acquire_owned().await else { return };
            let rendered = runtime.spawn_blocking(work).await;
            let outcome = rendered.unwrap_or_else(|_| Err("the renderer broke off".to_owned()));
            // Only this task fills it.
            let _ = slot.set(outcome);
        });
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
            options: Vec::new(),
        };
        let pictures = references.iter().map(|r| (r.role, &r.digest, &Recipe::AsItIs));
        let parts =
            Fingerprint::of(&job.model, route, &job.prompt, None, &settings, 0, pictures).parts;
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
            retake: 0,
            first_seed: None,
            shot: job.model.provider.clone(),
            subject: None,
            channel: None,
            consistency: None,
        }
    }

    /// The size that is rendered: the job's, or smaller with the same shape.
    fn size(&self, width: u32, height: u32) -> (u32, u32) {
        let short = width.min(height).max(1);
        let scaled = |side: u32| {
            let pixels = u64::from(side) * u64::from(self.looks.short_side) / u64::from(short);
            // 4:2:0 needs even sides; nothing that a card says may be too large to make.
            u32::try_from(pixels).unwrap_or(2).clamp(2, 4096).next_multiple_of(2)
        };
        if short <= self.looks.short_side && width.max(height) <= 4096 {
            (width.max(2).next_multiple_of(2), height.max(2).next_multiple_of(2))
        } else {
            (scaled(width), scaled(height))
        }
    }
}

/// A box that players step over (ISO/IEC 14496-12, 8.1.2).
fn free_box(text: &str) -> Vec<u8> {
    let size = u32::try_from(text.len() + 8).expect("a short text");
    [&size.to_be_bytes()[..], b"free", text.as_bytes()].concat()
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
