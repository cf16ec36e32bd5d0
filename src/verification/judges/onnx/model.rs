//! The child: limits itself, reads the model, turns pictures into vectors, answers, and ends.
//!
//! What never lives here: anything that the parent must be able to trust.

use std::ffi::OsString;
use std::io::{Read, Write, stdin, stdout};
use std::time::Duration;

use image::RgbImage;
use image::imageops::{FilterType, resize};
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::Factoid as _;

use super::super::child::MOST_ANSWER;
use super::{Reply, Task};
use crate::manifest::Layout;
use crate::media::frames::{Bounds, limit_this_process};

/// Pixels of a side where neither the manifest nor the model says how many.
const USUAL: u32 = 224;
/// The largest side that a model may ask for.
const LARGEST: u32 = 1024;
/// The longest side of a picture that is taken.
const LONGEST: u32 = 4096;

type Plan = Arc<TypedRunnableModel>;

/// Serves the task in `arguments`, in JSON.
///
/// # Errors
/// The arguments make no sense, or nobody takes the answer.
pub fn serve(arguments: &[OsString]) -> std::io::Result<()> {
    let wrong = || std::io::Error::other("it is started by kinora itself, never by hand");
    let task = arguments.first().and_then(|text| text.to_str()).ok_or_else(wrong)?;
    let task: Task = serde_json::from_str(task).map_err(|_| wrong())?;
    let bounds = Bounds {
        memory: task.memory,
        cpu_seconds: task.seconds,
        wall: Duration::from_secs(task.seconds),
    };
    let limited = limit_this_process(&bounds, MOST_ANSWER);
    let reply = match limited.map_err(|e| format!("it can't limit itself: {e}")) {
        Ok(()) => caught(&task).map_or_else(Reply::Problem, Reply::Cosines),
        Err(why) => Reply::Problem(why),
    };
    let mut out = stdout().lock();
    out.write_all(&serde_json::to_vec(&reply)?)?;
    out.flush()
}

/// What a model asks for may be more than there is, which tract says by a panic.
fn caught(task: &Task) -> Result<Vec<f32>, String> {
    std::panic::set_hook(Box::new(|_| {}));
    std::panic::catch_unwind(|| cosines(task)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("it broke down: {}", text.unwrap_or_default()))
    })
}

fn cosines(task: &Task) -> Result<Vec<f32>, String> {
    let mut input = stdin().lock();
    let mut pictures = |sizes: &mut dyn Iterator<Item = (u32, u32)>| {
        sizes.map(|(width, height)| picture(&mut input, width, height)).collect()
    };
    let references: Result<Vec<RgbImage>, String> =
        pictures(&mut task.references.iter().map(|[width, height]| (*width, *height)));
    let crops: Result<Vec<RgbImage>, String> =
        pictures(&mut task.crops.iter().map(|(_, width, height)| (*width, *height)));
    let (references, crops) = (references?, crops?);
    let (plan, size) = read(task).map_err(|error| last_words(&error))?;
    let vector =
        |picture: &RgbImage| vector(&plan, task, size, picture).map_err(|error| last_words(&error));
    let references: Result<Vec<Vec<f32>>, String> = references.iter().map(vector).collect();
    let references = references?;
    let mut cosines = Vec::new();
    for ((reference, _, _), crop) in task.crops.iter().zip(&crops) {
        let reference = references.get(*reference).ok_or("a crop stands for no reference")?;
        cosines.push(cosine(reference, &vector(crop)?)?);
    }
    Ok(cosines)
}

fn picture(input: &mut impl Read, width: u32, height: u32) -> Result<RgbImage, String> {
    let wrong = || "its pictures make no sense".to_owned();
    if !(1..=LONGEST).contains(&width) || !(1..=LONGEST).contains(&height) {
        return Err(wrong());
    }
    let mut pixels = vec![0; width as usize * height as usize * 3];
    input.read_exact(&mut pixels).map_err(|_| wrong())?;
    RgbImage::from_raw(width, height, pixels).ok_or_else(wrong)
}

/// The model, ready for one picture at a time, and its side in pixels.
fn read(task: &Task) -> TractResult<(Plan, usize)> {
    let model = tract_onnx::onnx().model_for_path(&task.model)?;
    let inputs = model.input_outlets()?.len();
    tract_ensure(inputs == 1, || format!("it takes {inputs} inputs, not one picture"))?;
    let size = match task.size {
        Some(size) => size,
        None => side(&model, task.layout)?,
    };
    tract_ensure((1..=LARGEST).contains(&size), || {
        format!("it takes pictures of {size} pixels; {LARGEST} are the most")
    })?;
    let side = size as usize;
    let shape = match task.layout {
        Layout::Nchw => [1, 3, side, side],
        Layout::Nhwc => [1, side, side, 3],
    };
    let model = model.with_input_fact(0, f32::fact(shape).into())?;
    Ok((model.into_optimized()?.into_runnable()?, side))
}

fn tract_ensure(fine: bool, why: impl FnOnce() -> String) -> TractResult<()> {
    if fine { Ok(()) } else { Err(TractError::msg(why())) }
}

/// The side of the pictures that the model says it takes.
fn side(model: &InferenceModel, layout: Layout) -> TractResult<u32> {
    let fact = model.input_fact(0)?;
    let axis = match layout {
        Layout::Nchw => 2,
        Layout::Nhwc => 1,
    };
    let known = fact.shape.dim(axis).and_then(|dim| dim.concretize());
    // What is no number is left to whoever calls: a symbol.
    let pixels = known.and_then(|dim| dim.to_i64().ok());
    Ok(pixels.map_or(USUAL, |pixels| u32::try_from(pixels).unwrap_or(u32::MAX)))
}

fn vector(plan: &Plan, task: &Task, size: usize, picture: &RgbImage) -> TractResult<Vec<f32>> {
    let side = size as u32;
    let small = resize(picture, side, side, FilterType::Triangle);
    let value = |x: usize, y: usize, colour: usize| {
        let value = f32::from(small.get_pixel(x as u32, y as u32)[colour]) / 255.0;
        (value - task.mean[colour]) / task.deviation[colour]
    };
    let input: Tensor = match task.layout {
        Layout::Nchw => {
            let at = |(_, c, y, x): (usize, usize, usize, usize)| value(x, y, c);
            tract_ndarray::Array4::from_shape_fn((1, 3, size, size), at).into()
        }
        Layout::Nhwc => {
            let at = |(_, y, x, c): (usize, usize, usize, usize)| value(x, y, c);
            tract_ndarray::Array4::from_shape_fn((1, size, size, 3), at).into()
        }
    };
    let outputs = plan.run(tvec!(input.into()))?;
    let Some(output) = outputs.first() else { return Ok(Vec::new()) };
    let output = output.cast_to::<f32>()?;
    Ok(output.to_plain_array_view::<f32>()?.iter().copied().collect())
}

/// How far two vectors point the same way, -1 to 1.
fn cosine(a: &[f32], b: &[f32]) -> Result<f32, String> {
    if a.len() < 2 || a.len() != b.len() {
        return Err(format!("it gives {} and {} numbers, which are no vectors", a.len(), b.len()));
    }
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    match cosine.is_finite() {
        true => Ok(cosine.clamp(-1.0, 1.0) as f32),
        false => Err("it gives vectors without a direction".to_owned()),
    }
}

/// What is said first and what is at the bottom of it.
fn last_words(error: &TractError) -> String {
    let (first, last) = (error.to_string(), error.root_cause().to_string());
    if first == last { first } else { format!("{first}: {last}") }
}
