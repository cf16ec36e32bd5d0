//! `kinora init`: a first manifest that works as it is.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use kinora::exit::Exit;
use kinora::feed::{Each, FeedFormat, FeedOptions, FeedProblem};
use kinora::report::count;
use kinora::starter::{self, Look, Start};
use serde_json::json;

use super::args::Global;
use super::output::Output;
use super::workspace::limits;
use super::{Failure, Outcome};

/// What the manifest is called.
const NAME: &str = "kinora.yaml";

/// Options of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The folder that the manifest is for; made if it is not there
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// A shop's export (Shopify, WooCommerce, Google Merchant), any CSV, TSV or JSON lines, or a
    /// folder of pictures
    #[arg(long, value_name = "FEED")]
    from: Option<PathBuf>,
    /// Make a subject of each variant, where the feed knows variants
    #[arg(long, requires = "from")]
    variants: bool,
    /// The catalogue's name; the folder's by default
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Where there is a manifest already, move it aside and write a new one
    #[arg(long)]
    force: bool,
}

impl InitArgs {
    /// A path in the folder, as people would write it.
    fn inside(&self, name: &str) -> PathBuf {
        if self.folder == Path::new(".") { PathBuf::from(name) } else { self.folder.join(name) }
    }
}

/// A feed that was looked through, and how the manifest names it.
struct Found {
    from: String,
    /// The folder to be allowed, if the feed is outside the workspace.
    outside: Option<String>,
    look: Look,
}

/// Runs it.
pub fn init(arguments: &InitArgs, global: &Global, output: &Output) -> Outcome {
    let manifest = arguments.inside(NAME);
    for there in [NAME, "kinora.yml"].map(|name| arguments.inside(name)) {
        if there.exists() && !arguments.force {
            let message = format!(
                "{} is there already, and nothing was written; --force moves it aside",
                there.display()
            );
            return Err(Failure::new(Exit::Usage, message));
        }
    }
    let found = match &arguments.from {
        Some(feed) => Some(look_through(feed, arguments, global)?),
        None => None,
    };
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => name_of(&arguments.folder),
    };
    let text = starter::manifest(&Start {
        name: &name,
        feed: found.as_ref().map(|found| (found.from.as_str(), &found.look)),
        outside: found.as_ref().and_then(|found| found.outside.as_deref()),
    });
    std::fs::create_dir_all(&arguments.folder).map_err(|e| unwritten(&arguments.folder, &e))?;
    let aside = move_aside(arguments, &manifest)?;
    write_new(&manifest, text.as_bytes())?;
    let picture = match &found {
        Some(_) => None,
        None => starter_picture(arguments)?,
    };
    tell(output, arguments, &manifest, found.as_ref(), aside.as_deref(), picture.as_deref());
    Ok(Exit::Done)
}

fn look_through(feed: &Path, arguments: &InitArgs, global: &Global) -> Result<Found, Failure> {
    let each = if arguments.variants { Each::Variant } else { Each::Product };
    let options = FeedOptions { each, ..FeedOptions::default() };
    if !feed.exists() {
        let message = format!("there is no feed {}; nothing was written", feed.display());
        return Err(Failure::new(Exit::Usage, message));
    }
    let refuse = |what: String| Failure::new(Exit::InvalidManifest, what);
    let look = starter::look(feed, &options, &limits(global))
        .map_err(|problem| refuse(format!("{}; nothing was written", said(feed, &problem))))?;
    let nothing_written = "nothing was written";
    if look.entries == 0 {
        let bad = look.first_bad.first().map(|bad| format!(": {}", bad.reason));
        let bad = bad.unwrap_or_default();
        let what = if look.format == FeedFormat::Folder { "pictures" } else { "products" };
        return Err(refuse(format!("{} has no {what}{bad}; {nothing_written}", feed.display())));
    }
    if look.id.is_none() {
        let columns: Vec<&str> = look.attributes.iter().map(String::as_str).take(20).collect();
        return Err(refuse(format!(
            "{}: no column can name a product: it must be different in every row and more than its \
             number, but {}; give the feed one (sku, handle, id, …); its columns: {}; \
             {nothing_written}",
            feed.display(),
            look.no_id,
            columns.join(", ")
        )));
    }
    let (from, outside) = path_between(&arguments.folder, feed)?;
    Ok(Found { from, outside, look })
}

fn said(feed: &Path, problem: &FeedProblem) -> String {
    let help = problem.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
    format!("{}: {}{help}", feed.display(), problem.message)
}

/// How a manifest in `folder` names `feed`, and the folder that it must be allowed to read, if any.
fn path_between(folder: &Path, feed: &Path) -> Result<(String, Option<String>), Failure> {
    let absolute = |path: &Path| {
        std::path::absolute(path)
            .map_err(|e| Failure::new(Exit::Internal, format!("{}: {e}", path.display())))
    };
    // A folder that is not there yet is made where its real parent is.
    let real = |path: &Path| -> Result<PathBuf, Failure> {
        let mut missing = Vec::new();
        let path = absolute(path)?;
        for parent in path.ancestors() {
            if let Ok(real) = parent.canonicalize() {
                return Ok(missing.iter().rev().fold(real, |path, name| path.join(name)));
            }
            missing.extend(parent.file_name().map(ToOwned::to_owned));
        }
        Ok(path)
    };
    let (folder, feed) = (real(folder)?, real(feed)?);
    let text = |path: &Path| {
        let not_text = || {
            let message = format!("{}: a manifest can't write this path", path.display());
            Failure::new(Exit::Usage, message)
        };
        let parts = path.components().map(|part| part.as_os_str().to_str());
        let parts: Option<Vec<&str>> = parts.collect();
        Ok::<String, Failure>(parts.ok_or_else(not_text)?.join("/"))
    };
    if let Ok(inside) = feed.strip_prefix(&folder) {
        let inside = text(inside)?;
        return Ok((if inside.is_empty() { ".".to_owned() } else { inside }, None));
    }
    let shared = folder.components().zip(feed.components()).take_while(|(a, b)| a == b).count();
    let up = "../".repeat(folder.components().count() - shared);
    let down: PathBuf = feed.components().skip(shared).collect();
    let from = format!("{up}{}", text(&down)?);
    let allowed = match (feed.is_dir(), from.rsplit_once('/')) {
        (false, Some((parent, _))) => parent.to_owned(),
        _ => from.clone(),
    };
    Ok((from, Some(allowed)))
}

fn name_of(folder: &Path) -> String {
    let absolute = folder.canonicalize().or_else(|_| std::path::absolute(folder));
    let name = absolute.ok().and_then(|path| path.file_name()?.to_str().map(str::to_owned));
    name.unwrap_or_else(|| "catalogue".to_owned())
}

/// Gives the manifests that are there other names, so that nothing is lost; the first of them.
fn move_aside(arguments: &InitArgs, manifest: &Path) -> Result<Option<PathBuf>, Failure> {
    let mut aside = None;
    for there in [manifest.to_owned(), arguments.inside("kinora.yml")] {
        if !there.exists() {
            continue;
        }
        let free = (1..).map(|n| PathBuf::from(format!("{}.{n}", there.display())));
        let free = free.take(10_000).find(|path| !path.exists()).ok_or_else(|| {
            Failure::new(Exit::Usage, "too many manifests were moved aside already")
        })?;
        std::fs::rename(&there, &free).map_err(|e| unwritten(&free, &e))?;
        aside.get_or_insert(free);
    }
    Ok(aside)
}

/// Writes a file that is not there yet, whole or not at all.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = || -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut file = readable().tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map_err(|e| e.error)?;
        Ok(())
    };
    written().map_err(|e| unwritten(path, &e))
}

fn readable() -> tempfile::Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt;
    let mut builder = tempfile::Builder::new();
    builder.permissions(std::fs::Permissions::from_mode(0o666));
    builder
}

/// The picture that a manifest without a feed shows; one that is there stays.
fn starter_picture(arguments: &InitArgs) -> Result<Option<PathBuf>, Failure> {
    let path = arguments.inside(starter::PICTURE_PATH);
    if path.exists() {
        return Ok(None);
    }
    write_new(&path, starter::PICTURE)?;
    Ok(Some(path))
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Internal, format!("{}: can't be written: {error}", path.display()))
}

fn tell(
    output: &Output,
    arguments: &InitArgs,
    manifest: &Path,
    found: Option<&Found>,
    aside: Option<&Path>,
    picture: Option<&Path>,
) {
    let given = match arguments.folder.as_path() {
        here if here == Path::new(".") => String::new(),
        folder => format!(" {}", folder.display()),
    };
    let mut next = Vec::new();
    if found.is_some_and(|found| found.look.urls > 0) {
        next.push(format!("kinora fetch{given}"));
    }
    next.push(format!("kinora plan{given}"));
    if output.json {
        output.data(&json_of(manifest, found, aside, picture, &next));
        return;
    }
    if let (Some(found), Some(feed)) = (found, &arguments.from) {
        for line in lines_of(feed, &found.look) {
            output.data(&line);
        }
    }
    if let Some(aside) = aside {
        output.data(&format!("the manifest that was there is {} now", aside.display()));
    }
    if let Some(picture) = picture {
        output.data(&format!("written: {}", picture.display()));
    }
    output.data(&format!("written: {}", manifest.display()));
    let why = match found.map(|found| found.look.urls) {
        Some(urls) if urls > 0 => {
            format!(" ({} behind URLs), then `{}`", count(urls, "picture"), next[1])
        }
        _ => " (the dry run; free)".to_owned(),
    };
    output.data(&format!("next: look at it, then `{}`{why}", next[0]));
}

/// What a feed has, for people.
fn lines_of(feed: &Path, look: &Look) -> Vec<String> {
    let form = match look.format {
        FeedFormat::Shopify => "a Shopify export",
        FeedFormat::Woocommerce => "a WooCommerce export",
        FeedFormat::Google => "a Google Merchant feed",
        FeedFormat::Csv => "separated values",
        FeedFormat::Jsonl => "JSON lines",
        FeedFormat::Folder => "a folder of pictures",
    };
    let written = match (look.format, look.encoding) {
        (FeedFormat::Folder, _) => String::new(),
        (_, encoding) => format!(", {encoding}"),
    };
    let entry = match (look.each, look.format) {
        (Each::Variant, _) => "variant",
        (_, FeedFormat::Csv | FeedFormat::Jsonl) => "row",
        (_, FeedFormat::Folder) => "subject",
        _ => "product",
    };
    let pictures = match (look.pictures, look.without) {
        (0, _) => "no pictures".to_owned(),
        (n, 0) => count(n, "picture"),
        (n, without) => format!("{}, {without} without one", count(n, "picture")),
    };
    let mut lines = vec![format!(
        "{}: {form}{written}: {}, {pictures}",
        feed.display(),
        count(look.entries, entry),
    )];
    if let Some(pattern) = &look.pattern {
        lines.push(format!("its files are named like {pattern}"));
    }
    lines.extend(look.notes.iter().cloned());
    if let Some(id) = look.id.as_ref().filter(|_| look.id_counts) {
        lines.push(format!(
            "clips are named by `{id}`, which looks like a row's number: it must stay the same in \
             the next export"
        ));
    }
    if look.bad > 0 {
        lines.push(format!(
            "{} can't be used, and the manifest allows that; `kinora check` says why",
            count(look.bad, "row")
        ));
        lines.extend(look.first_bad.iter().map(|bad| match bad.line == bad.row {
            true => format!("  {}", bad.reason),
            false => format!("  {} (line {})", bad.reason, bad.line),
        }));
    }
    if let Some((lost, first)) = &look.lost {
        let which = match lost {
            1 => format!("1 picture is not where the feed says: {first}"),
            lost => format!("{lost} pictures are not where the feed says, for instance {first}"),
        };
        lines.push(format!("{which}; `kinora check` says more"));
    }
    if look.pictures == 0 {
        lines.push("no column names pictures; say in the manifest where they are".to_owned());
    }
    lines
}

fn json_of(
    manifest: &Path,
    found: Option<&Found>,
    aside: Option<&Path>,
    picture: Option<&Path>,
    next: &[String],
) -> String {
    let feed = found.map(|Found { from, look, .. }| {
        json!({
            "from": from,
            "format": look.format,
            "each": look.each,
            "encoding": look.encoding,
            "pattern": look.pattern,
            "id": look.id,
            "id_counts_rows": look.id_counts,
            "entries": look.entries,
            "pictures": look.pictures,
            "urls": look.urls,
            "without_pictures": look.without,
            "lost_pictures": look.lost.as_ref().map_or(0, |(lost, _)| *lost),
            "bad_rows": look.bad,
            "notes": look.notes,
        })
    });
    let all = json!({
        "format_version": "1.0",
        "manifest": manifest.display().to_string(),
        "moved_aside": aside.map(|path| path.display().to_string()),
        "picture": picture.map(|path| path.display().to_string()),
        "feed": feed,
        "next": next,
    });
    format!("{all:#}\n")
}
