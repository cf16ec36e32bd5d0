//! One animatic of a picture, for `compare.sh`: 5 s, 1080×1920, 24 frames a second.
//!
//! `render PICTURE clip OUT.mp4` renders it; `render PICTURE frames OUT.yuv` writes its frames
//! without loss.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use kinora::address::Address;
use kinora::digest::Digest;
use kinora::manifest::Role;
use kinora::media::recognise;
use kinora::models::Route;
use kinora::plan::{JobSettings, Request, RequestReference};
use kinora::providers::animatic::{Drawing, render};

type Done = Result<(), Box<dyn std::error::Error>>;

fn main() -> Done {
    // The test harness' own flags come along; they mean nothing here.
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let [picture, what, to] = words.as_slice() else {
        eprintln!("this bench is run by benches/render/compare.sh");
        return Ok(());
    };
    let picture = std::fs::canonicalize(picture)?;
    let workspace = picture.parent().unwrap_or(Path::new("/")).to_owned();
    let request = request(&picture)?;
    match what.as_str() {
        "frames" => frames(&request, &workspace, Path::new(to)),
        _ => clip(&request, &workspace, Path::new(to)),
    }
}

fn clip(request: &Request, workspace: &Path, to: &Path) -> Done {
    let begun = Instant::now();
    let facts = render(request, workspace, to)?;
    println!(
        "{:.3} s, {} frames, {} bytes",
        begun.elapsed().as_secs_f64(),
        facts.frames,
        facts.bytes
    );
    Ok(())
}

fn frames(request: &Request, workspace: &Path, to: &Path) -> Done {
    let drawing = Drawing::new(request, workspace)?;
    let mut out = BufWriter::new(std::fs::File::create(to)?);
    for index in 0..drawing.spec().frames {
        let frame = drawing.frame(index);
        for plane in [&frame.y, &frame.u, &frame.v] {
            out.write_all(plane)?;
        }
    }
    Ok(out.flush()?)
}

fn request(picture: &PathBuf) -> Result<Request, Box<dyn std::error::Error>> {
    let bytes = std::fs::read(picture)?;
    let name = picture.file_name().and_then(|n| n.to_str()).ok_or("a name in UTF-8")?;
    Ok(Request {
        address: Address::new(None, "bench", None, 1),
        model: "animatic".to_owned(),
        provider: "animatic".to_owned(),
        route: Route::Image,
        prompt: "the camera pushes in".to_owned(),
        negative_prompt: None,
        settings: JobSettings {
            duration: 5.into(),
            aspect: "9:16".to_owned(),
            resolution: "1080p".to_owned(),
            width: 1080,
            height: 1920,
            fps: Some(24),
            seed: Some(1),
            options: Vec::new(),
        },
        fingerprint: Digest::of(&bytes),
        retake: 0,
        first_seed: None,
        references: vec![RequestReference {
            name: "hero".to_owned(),
            role: Role::Identity,
            given: None,
            path: name.to_owned(),
            digest: Digest::of(&bytes),
            format: recognise(&bytes)?,
            width: 0,
            height: 0,
            url: None,
            source: None,
            recipe: None,
        }],
        out: String::new(),
        shot: "bench".to_owned(),
        subject: None,
        channel: None,
        consistency: None,
    })
}
