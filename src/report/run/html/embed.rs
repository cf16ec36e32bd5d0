//! What a page carries inside itself: small pictures, posters, and clips when they are few.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use rayon::prelude::*;

use super::HtmlOptions;
use crate::report::run::model::{ClipView, JobView};
use crate::report::thumbnail::{inside, thumbnail};

/// Longest side of a reference's thumbnail, in pixels.
const REFERENCE_SIDE: u32 = 240;
/// Longest side of a poster, in pixels: a card's width on a dense screen, nearly.
const POSTER_SIDE: u32 = 480;

/// Thumbnails of references, each once, and posters by clip.
pub(super) struct Pictures {
    /// By path: the number of its style rule, and its address when it could be made.
    references: BTreeMap<String, (usize, Option<String>)>,
    posters: HashMap<String, String>,
}

impl Pictures {
    /// Makes the small pictures of all jobs in parallel; paths of those that can't be made go
    /// to `missing`.
    pub(super) fn of(jobs: &[&JobView], workspace: &Path, missing: &mut Vec<String>) -> Self {
        let mut references = BTreeMap::new();
        for reference in jobs.iter().flat_map(|j| &j.references) {
            let given = reference.thumbnail.as_deref().filter(|t| is_jpeg(t)).map(str::to_owned);
            let next = references.len();
            let (_, known) = references.entry(reference.path.clone()).or_insert((next, None));
            *known = known.take().or(given);
        }
        references.par_iter_mut().filter(|(_, (_, t))| t.is_none()).for_each(|(path, (_, t))| {
            *t = thumbnail(&workspace.join(path), REFERENCE_SIDE).ok();
        });
        let without = references.iter().filter(|(_, (_, t))| t.is_none());
        missing.extend(without.map(|(path, _)| path.clone()));
        let clips: Vec<&ClipView> = jobs.iter().filter_map(|j| j.clip.as_ref()).collect();
        let posters = clips
            .par_iter()
            .filter_map(|clip| {
                let path = inside(workspace, &poster_path(clip))?;
                Some((clip.path.clone(), thumbnail(&path, POSTER_SIDE).ok()?))
            })
            .collect();
        Pictures { references, posters }
    }

    /// One style rule for each thumbnail, so that a picture that many jobs share is in the page
    /// once. Nothing in it comes from a user but checked base64.
    pub(super) fn styles(&self) -> String {
        let mut css = String::new();
        for (index, small) in self.references.values() {
            if let Some(small) = small {
                css.push_str(&format!(".t{index}{{background-image:url({small})}}\n"));
            }
        }
        css
    }

    /// The class of a reference's thumbnail.
    pub(super) fn class(&self, path: &str) -> Option<String> {
        let (index, small) = self.references.get(path)?;
        small.as_ref().map(|_| format!("t{index}"))
    }

    /// A clip's poster as a `data:` address.
    pub(super) fn poster(&self, clip: &ClipView) -> Option<&str> {
        self.posters.get(&clip.path).map(String::as_str)
    }
}

/// Whether a given thumbnail is what it should be, so that it can stand in a style sheet.
fn is_jpeg(address: &str) -> bool {
    address
        .strip_prefix("data:image/jpeg;base64,")
        .is_some_and(|data| BASE64.decode(data.as_bytes()).is_ok())
}

/// The poster's path: as told, or the JPEG of the clip's name beside it.
fn poster_path(clip: &ClipView) -> String {
    clip.poster.clone().unwrap_or_else(|| {
        let path = Path::new(&clip.path).with_extension("jpg");
        path.to_string_lossy().into_owned()
    })
}

/// The clips of a page: in it, or linked from it.
pub(super) struct Clips {
    files: BTreeMap<usize, PathBuf>,
    links: BTreeMap<usize, String>,
    embedded: bool,
}

impl Clips {
    /// Finds the clips of the jobs (by their place on the page) and decides whether they are
    /// embedded: all of them or none, so that a page either stands alone or says that it does
    /// not.
    pub(super) fn of(jobs: &[&JobView], options: &HtmlOptions, missing: &mut Vec<String>) -> Self {
        let mut files = BTreeMap::new();
        let mut links = BTreeMap::new();
        let mut bytes = 0;
        for (index, job) in jobs.iter().enumerate() {
            let Some(clip) = &job.clip else { continue };
            let file = inside(&options.workspace, &clip.path);
            match file.as_ref().and_then(|f| f.metadata().ok()) {
                Some(facts) if facts.is_file() => bytes += facts.len(),
                _ => {
                    missing.push(clip.path.clone());
                    continue;
                }
            }
            if let Some(file) = file {
                links.insert(index, link(&options.page_folder, &file));
                files.insert(index, file);
            }
        }
        Clips { files, links, embedded: bytes <= options.embed_bytes }
    }

    /// Whether the clips are in the page.
    pub(super) fn embedded(&self) -> bool {
        self.embedded
    }

    /// Whether the job at this place has a clip that can be shown.
    pub(super) fn has(&self, index: usize) -> bool {
        self.files.contains_key(&index)
    }

    /// The address of a clip that is not embedded.
    pub(super) fn link(&self, index: usize) -> Option<&str> {
        if self.embedded { None } else { self.links.get(&index).map(String::as_str) }
    }

    /// Writes embedded clips as inert blocks that the page's script reads when a card comes
    /// into view. Base64 has no `<`, so no block can end early.
    pub(super) fn write_embedded(&self, out: &mut dyn Write) -> io::Result<()> {
        if !self.embedded {
            return Ok(());
        }
        for (index, path) in &self.files {
            write!(out, "<script type=\"text/plain\" id=\"clip-{index}\">")?;
            write_base64(File::open(path)?, out)?;
            out.write_all(b"</script>\n")?;
        }
        Ok(())
    }
}

fn write_base64(mut file: impl Read, out: &mut dyn Write) -> io::Result<()> {
    // A multiple of three, so that the pieces join without padding between them.
    let mut piece = vec![0; 3 << 16];
    loop {
        let mut filled = 0;
        while filled < piece.len() {
            match file.read(&mut piece[filled..])? {
                0 => break,
                n => filled += n,
            }
        }
        out.write_all(BASE64.encode(&piece[..filled]).as_bytes())?;
        if filled < piece.len() {
            return Ok(());
        }
    }
}

/// The address of `file` from a page in `folder`.
fn link(folder: &Path, file: &Path) -> String {
    let absolute = |p: &Path| std::path::absolute(p).unwrap_or_else(|_| p.to_owned());
    let (folder, file) = (absolute(folder), absolute(file));
    let (from, to): (Vec<_>, Vec<_>) = (folder.components().collect(), file.components().collect());
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let mut parts = vec!["..".to_owned(); from.len() - shared];
    parts.extend(to[shared..].iter().map(|c| percent_encoded(&c.as_os_str().to_string_lossy())));
    parts.join("/")
}

fn percent_encoded(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    for byte in part.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_from_the_page_to_the_clip() {
        let found = link(Path::new("/shop/reports"), Path::new("/shop/clips/a b#1.mp4"));
        assert_eq!(found, "../clips/a%20b%231.mp4");
    }

    #[test]
    fn a_clip_outside_the_workspace_is_not_shown() {
        let shop = Path::new("/shop");
        assert_eq!(inside(shop, "../etc/passwd"), None);
        assert_eq!(inside(shop, "/etc/passwd"), None);
        assert_eq!(inside(shop, "clips/a.mp4"), Some(PathBuf::from("/shop/clips/a.mp4")));
    }

    #[test]
    fn a_thumbnail_can_not_carry_a_style() {
        assert!(is_jpeg("data:image/jpeg;base64,/9j/"));
        assert!(!is_jpeg("data:image/jpeg;base64,)}body{display:none"));
        assert!(!is_jpeg("https://example.com/a.jpg"));
    }

    #[test]
    fn pieces_join_to_one_base64() {
        let bytes: Vec<u8> = (0..500_000u32).map(|i| i as u8).collect();
        let mut out = Vec::new();
        write_base64(&bytes[..], &mut out).expect("a vector takes all");
        assert_eq!(BASE64.decode(&out).expect("valid base64"), bytes);
    }
}
