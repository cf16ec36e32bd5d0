//! Rendering one request: pictures in, MP4 out. Always the same bytes for the same request.
//!
//! What lives here: checking and loading pictures, the frame loop, writing the file. What never
//! does: jobs, threads.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use rayon::prelude::*;
use rust_decimal::prelude::ToPrimitive;

use super::raster::{Scratch, resized};
use super::sequence::{Reference, Sequence, sequence};
use super::stage::Size;
use crate::digest::Digest;
use crate::media::PictureProblem;
use crate::media::clip::{self, ClipFacts, ClipProblem};
use crate::media::decode::{PictureLimits, decode};
use crate::media::encode::{ClipSpec, EncodeProblem, encode};
use crate::media::frame::Frame;
use crate::media::read_whole;
use crate::models::Route;
use crate::plan::{Request, RequestReference};

/// Frames a second where the request leaves it open.
pub const DEFAULT_FPS: u32 = 24;

/// Why a request could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A picture can't be used.
    #[error("{path}: {problem}")]
    Picture {
        /// As in the request.
        path: String,
        /// Why.
        problem: PictureProblem,
    },
    /// A picture's bytes are not those that were planned.
    #[error("{path} has changed since it was planned")]
    Changed {
        /// As in the request.
        path: String,
    },
    /// The route needs a picture and has none.
    #[error("the route `{0}` needs a picture, and the request has none")]
    NoPicture(Route),
    /// No such clip can be made, or the encoder failed.
    #[error(transparent)]
    Encode(#[from] EncodeProblem),
    /// What was written is no whole clip.
    #[error("the finished clip is not whole: {0}")]
    Clip(#[from] ClipProblem),
    /// The file could not be written.
    #[error("{path}: {message}")]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system said.
        message: String,
    },
}

impl RenderError {
    /// A short stable word for the cause.
    pub fn cause(&self) -> &'static str {
        match self {
            RenderError::Picture { problem: PictureProblem::Missing, .. } => "picture_missing",
            RenderError::Picture { .. } => "picture_unusable",
            RenderError::Changed { .. } => "picture_changed",
            RenderError::NoPicture(_) => "no_picture",
            RenderError::Encode(EncodeProblem::Impossible(_)) => "settings",
            RenderError::Encode(EncodeProblem::Stopped) => "stopped",
            RenderError::Encode(_) => "encoder",
            RenderError::Clip(_) => "clip",
            RenderError::Disk { .. } => "disk",
        }
    }

    /// Whether the same request may succeed later.
    pub fn may_pass(&self) -> bool {
        matches!(self, RenderError::Disk { .. } | RenderError::Encode(EncodeProblem::Stopped))
    }
}

/// How far a rendering is, and the way to stop it.
#[derive(Debug, Default)]
pub struct Progress {
    drawn: AtomicU32,
    frames: AtomicU32,
    stop: AtomicBool,
}

impl Progress {
    /// 0 to 99; a clip is finished only when its file is.
    pub fn percent(&self) -> u8 {
        let frames = u64::from(self.frames.load(Ordering::Relaxed)).max(1);
        (u64::from(self.drawn.load(Ordering::Relaxed)) * 99 / frames).min(99) as u8
    }

    /// Makes the rendering end soon, without a clip.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Renders a request to the file `to`, which appears whole or not at all. Pictures are read
/// below `workspace`. Runs on the rayon pool that it is called in.
pub fn render(request: &Request, workspace: &Path, to: &Path) -> Result<ClipFacts, RenderError> {
    render_with(request, workspace, &PictureLimits::default(), to, &Progress::default())
}

/// The same, watched, within limits on the pictures that it reads.
pub fn render_with(
    request: &Request,
    workspace: &Path,
    limits: &PictureLimits,
    to: &Path,
    progress: &Progress,
) -> Result<ClipFacts, RenderError> {
    let drawing = Drawing::within(request, workspace, limits)?;
    progress.frames.store(drawing.spec.frames, Ordering::Relaxed);
    let bytes = encode(&drawing.spec, &|index, frame| {
        drawing.draw(index, frame);
        progress.drawn.fetch_add(1, Ordering::Relaxed);
        !progress.stop.load(Ordering::Relaxed)
    })?;
    write_whole(to, &bytes)?;
    Ok(clip::inspect(to)?)
}

/// A request's clip before it is encoded.
pub struct Drawing {
    spec: ClipSpec,
    sequence: Sequence,
}

impl Drawing {
    /// Reads and stages the pictures.
    pub fn new(request: &Request, workspace: &Path) -> Result<Self, RenderError> {
        Self::within(request, workspace, &PictureLimits::default())
    }

    fn within(
        request: &Request,
        workspace: &Path,
        limits: &PictureLimits,
    ) -> Result<Self, RenderError> {
        let spec = spec_of(request)?;
        let sequence = stage(request, workspace, limits, &spec)?;
        Ok(Drawing { spec, sequence })
    }

    /// Length, size and rate.
    pub fn spec(&self) -> &ClipSpec {
        &self.spec
    }

    /// One frame, without loss.
    pub fn frame(&self, index: u32) -> Frame {
        let mut frame = Frame::black(self.spec.width as usize, self.spec.height as usize);
        self.draw(index, &mut frame);
        frame
    }

    fn draw(&self, index: u32, frame: &mut Frame) {
        // The last frame is the end of every way, exactly.
        let t = index as f32 / (self.spec.frames.saturating_sub(1)).max(1) as f32;
        self.sequence.draw(t, frame, &mut Scratch::default());
    }
}

/// The clip that a request asks for.
pub fn spec_of(request: &Request) -> Result<ClipSpec, RenderError> {
    let settings = &request.settings;
    if request.route != Route::Text && request.references.is_empty() {
        return Err(RenderError::NoPicture(request.route));
    }
    let fps = settings.fps.unwrap_or(DEFAULT_FPS);
    Ok(ClipSpec::new(settings.width, settings.height, fps, settings.duration)?)
}

/// Checks that every picture is there, byte for byte as it was planned.
pub fn check_pictures(
    request: &Request,
    workspace: &Path,
    limits: &PictureLimits,
) -> Result<(), RenderError> {
    request.references.par_iter().try_for_each(|r| read(r, workspace, limits).map(|_| ()))
}

fn stage(
    request: &Request,
    workspace: &Path,
    limits: &PictureLimits,
    spec: &ClipSpec,
) -> Result<Sequence, RenderError> {
    let longest = spec.width.max(spec.height) * 8 / 5;
    let references = request
        .references
        .par_iter()
        .map(|reference| load(reference, workspace, limits, longest))
        .collect::<Result<Vec<_>, _>>()?;
    let size = Size { w: spec.width as f32, h: spec.height as f32 };
    let seconds = request.settings.duration.to_f32().unwrap_or(1.0).max(0.05);
    Ok(sequence(request, references, size, seconds))
}

fn read(
    reference: &RequestReference,
    workspace: &Path,
    limits: &PictureLimits,
) -> Result<Vec<u8>, RenderError> {
    let bytes = read_whole(&workspace.join(&reference.path), limits.bytes)
        .map_err(|problem| RenderError::Picture { path: reference.path.clone(), problem })?;
    if Digest::of(&bytes) != reference.digest {
        return Err(RenderError::Changed { path: reference.path.clone() });
    }
    Ok(bytes)
}

fn load(
    reference: &RequestReference,
    workspace: &Path,
    limits: &PictureLimits,
    longest: u32,
) -> Result<Reference, RenderError> {
    let bytes = read(reference, workspace, limits)?;
    let pixels = decode(&bytes, limits)
        .map_err(|problem| RenderError::Picture { path: reference.path.clone(), problem })?;
    let (w, h) = pixels.image.dimensions();
    let image = if w.max(h) > longest {
        let scale = f64::from(longest) / f64::from(w.max(h));
        let side = |n: u32| ((f64::from(n) * scale).round() as u32).max(1);
        resized(&pixels.image, side(w), side(h))
    } else {
        pixels.image
    };
    Ok(Reference {
        name: reference.name.clone(),
        role: reference.role,
        image,
        has_alpha: pixels.has_alpha,
    })
}

/// Writes beside the target, syncs, and renames.
fn write_whole(to: &Path, bytes: &[u8]) -> Result<(), RenderError> {
    let failed =
        |e: std::io::Error| RenderError::Disk { path: to.to_owned(), message: e.to_string() };
    let folder = to.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut file = beside(folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(to).map_err(|e| failed(e.error))?;
    sync_folder(folder).map_err(failed)
}

/// A temporary file that others may read as any file, once it has its name.
fn beside(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    let builder = {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666))
    };
    builder.prefix(".rendering-").tempfile_in(folder)
}

/// Makes a rename durable, where folders can be synced.
pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
