//! The dry run as one page that stands alone, for whoever decides on the money.
//!
//! What lives here: how much of a plan is on the page, and filling in the templates beside this
//! file. The page asks nothing of any network, and all of it but sorting and copying works
//! without scripts. A plan of any size gives a page below [`PAGE_BYTES`]: jobs, groups and
//! pictures that don't fit are counted.

mod chart;
mod jobs;
mod pictures;
mod tables;
mod view;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use jiff::civil::Date;
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};

use super::sample::SampledJobs;
use crate::digest::Digest;
use crate::plan::PlanSummary;
use jobs::JobView;
use pictures::Thumbnails;
use view::PageView;

/// Bytes of a page at most.
pub const PAGE_BYTES: usize = 2_000_000;

/// Bytes of the rows of jobs together; all else on the page is bounded by counts.
const JOB_BYTES: usize = 900_000;

/// How a page is made.
#[derive(Debug, Clone)]
pub struct PlanHtmlOptions {
    /// The workspace, to which the paths of pictures are relative; without it there are none.
    pub workspace: Option<PathBuf>,
    /// Digests of pictures by path: one whose file has other bytes now is not shown, since the
    /// plan was made with another.
    pub digests: BTreeMap<String, Digest>,
    /// The day on which the page is made, against which prices have an age.
    pub today: Date,
    /// Pictures of references at most.
    pub thumbnails: usize,
}

impl PlanHtmlOptions {
    /// Pictures of one page, unless asked otherwise.
    pub const THUMBNAILS: usize = 60;

    /// The usual page.
    pub fn new(workspace: Option<PathBuf>, today: Date) -> Self {
        PlanHtmlOptions { workspace, digests: BTreeMap::new(), today, thumbnails: Self::THUMBNAILS }
    }
}

/// What became of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanHtmlFacts {
    /// Bytes.
    pub bytes: usize,
    /// Jobs in its table.
    pub jobs: u64,
    /// Jobs that a run would start and that are not in it.
    pub jobs_left_out: u64,
    /// Pictures of references.
    pub thumbnails: usize,
    /// Pictures of the listed jobs that are not on it.
    pub thumbnails_left_out: usize,
}

/// Writes the page.
pub fn plan_html(
    summary: &PlanSummary,
    jobs: &SampledJobs,
    options: &PlanHtmlOptions,
    out: &mut dyn Write,
) -> io::Result<PlanHtmlFacts> {
    let templates = templates();
    let fill = |name: &str, values: Value| -> io::Result<String> {
        let template = templates.get_template(name).map_err(io::Error::other)?;
        template.render(values).map_err(io::Error::other)
    };
    let thumbnails = Thumbnails::of(jobs, options);
    let mut rows = [String::new(), String::new()];
    let mut shown = [0u64; 2];
    // Those without a price come first: there are few, and they stand in the way.
    for (at, lines) in [(1, &jobs.unpriced), (0, &jobs.priced)] {
        for line in lines {
            let job = JobView::of(line, &thumbnails);
            let row = fill("row.html", context! { job => Value::from(Serde(&job)) })?;
            if rows[0].len() + rows[1].len() + row.len() > JOB_BYTES {
                break;
            }
            rows[at].push_str(&row);
            shown[at] += 1;
        }
    }
    let page = PageView::of(summary, shown, &thumbnails, options.today);
    let [priced, unpriced] = rows;
    let text = fill(
        "page.html",
        context! {
            page => Value::from(Serde(&page)),
            style => concat!(include_str!("../html/base.css"), include_str!("html/page.css")),
            script => include_str!("html/page.js"),
            thumbnails => thumbnails.styles(),
            priced,
            unpriced,
        },
    )?;
    assert!(text.len() <= PAGE_BYTES, "all that a page holds is bounded");
    out.write_all(text.as_bytes())?;
    let in_table = shown.iter().sum();
    Ok(PlanHtmlFacts {
        bytes: text.len(),
        jobs: in_table,
        jobs_left_out: summary.to_run.jobs.saturating_sub(in_table),
        thumbnails: thumbnails.made(),
        thumbnails_left_out: thumbnails.left_out(),
    })
}

fn templates() -> Environment<'static> {
    // Names that end in `.html` are escaped by default.
    let mut templates = Environment::new();
    for (name, text) in [
        ("page.html", include_str!("html/page.html")),
        ("table.html", include_str!("html/table.html")),
        ("row.html", include_str!("html/row.html")),
    ] {
        templates.add_template(name, text).expect("the shipped templates are well-formed");
    }
    templates
}
