//! What was made, as one page that stands alone: totals, filters, clips against their references,
//! and a card for each job with its pictures, its prompt and its playing clip.
//!
//! What lives here: which jobs get a card, what is embedded, and filling in the templates
//! beside this file. The page asks nothing of any network. Clips are in it as long as they are
//! small together; beyond that it links to them relative to itself, and says so.

mod against;
mod embed;
mod view;

use std::io::{self, Write};
use std::path::PathBuf;

use minijinja::value::Serde;
use minijinja::{Environment, Value, context};

use super::check;
use super::model::{JobView, RunReport};
use super::text::rank;
use against::AgainstView;
use embed::Pictures;
use view::{CardView, PageView};

/// How a page is made.
#[derive(Debug, Clone)]
pub struct HtmlOptions {
    /// The workspace, to which the paths of the report are relative.
    pub workspace: PathBuf,
    /// The folder in which the page will lie, for links to clips that are not embedded.
    pub page_folder: PathBuf,
    /// Clips are embedded when all that are shown are no more bytes than this together.
    pub embed_bytes: u64,
    /// Cards at most; unfinished jobs come first.
    pub cards: usize,
}

impl HtmlOptions {
    /// Clips up to this many bytes together are embedded, unless asked otherwise.
    pub const EMBED_BYTES: u64 = 40_000_000;
    /// Cards of one page, unless asked otherwise.
    pub const CARDS: usize = 2_000;

    /// The usual page of a workspace, lying in `page_folder`.
    pub fn new(workspace: impl Into<PathBuf>, page_folder: impl Into<PathBuf>) -> Self {
        HtmlOptions {
            workspace: workspace.into(),
            page_folder: page_folder.into(),
            embed_bytes: Self::EMBED_BYTES,
            cards: Self::CARDS,
        }
    }
}

/// What became of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HtmlFacts {
    /// Cards on the page.
    pub cards: usize,
    /// Jobs of the report without a card.
    pub left_out: u64,
    /// Whether the clips are in the page, so that it can be sent as one file.
    pub stands_alone: bool,
    /// Clips and pictures that the report names and that can't be read now, by path.
    pub missing: Vec<String>,
}

/// Writes the page.
pub fn html(
    report: &RunReport,
    options: &HtmlOptions,
    out: &mut dyn Write,
) -> io::Result<HtmlFacts> {
    let shown = chosen(report, options.cards);
    let mut missing = Vec::new();
    let pictures = Pictures::of(&shown, &options.workspace, &mut missing);
    let clips = embed::Clips::of(&shown, options, &mut missing);
    let page = PageView::of(report, &shown, &clips);
    let against = AgainstView::of(report, &shown, &options.workspace, &mut missing);
    let shown_page = Value::from(Serde(&page));
    let templates = templates();
    let fill = |name: &str, values: Value, out: &mut dyn Write| -> io::Result<()> {
        templates
            .get_template(name)
            .and_then(|t| t.render_captured_to(values, out))
            .map(|_| ())
            .map_err(io::Error::other)
    };
    let style = concat!(include_str!("../html/base.css"), include_str!("html/page.css"));
    fill(
        "head.html",
        context! { page => shown_page.clone(), style, thumbnails => pictures.styles() },
        out,
    )?;
    if let Some(against) = &against {
        fill("against.html", context! { against => Value::from(Serde(against)) }, out)?;
    }
    out.write_all(b"<div class=\"grid\">\n")?;
    for (index, job) in shown.iter().enumerate() {
        let card = CardView::of(index, job, &report.unit, &pictures, &clips);
        fill("card.html", context! { card => Value::from(Serde(&card)) }, out)?;
    }
    fill("foot.html", context! { page => shown_page }, out)?;
    clips.write_embedded(out)?;
    out.write_all(b"<script>\n")?;
    out.write_all(include_bytes!("html/page.js"))?;
    out.write_all(b"</script>\n</body>\n</html>\n")?;
    missing.sort();
    missing.dedup();
    Ok(HtmlFacts {
        cards: shown.len(),
        left_out: page.left_out,
        stands_alone: clips.embedded(),
        missing,
    })
}

/// Jobs that get a card: unfinished ones first, then clips by what looking at them came to, worst
/// first, else in the report's order.
fn chosen(report: &RunReport, cards: usize) -> Vec<&JobView> {
    let mut jobs: Vec<&JobView> = report.jobs.iter().collect();
    jobs.sort_by_key(|j| (rank(j.state), check::rank(j)));
    jobs.truncate(cards);
    jobs
}

fn templates() -> Environment<'static> {
    // Names that end in `.html` are escaped by default.
    let mut templates = Environment::new();
    for (name, text) in [
        ("head.html", include_str!("html/head.html")),
        ("against.html", include_str!("html/against.html")),
        ("card.html", include_str!("html/card.html")),
        ("foot.html", include_str!("html/foot.html")),
    ] {
        templates.add_template(name, text).expect("the shipped templates are well-formed");
    }
    templates
}
