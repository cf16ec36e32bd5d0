//! A supplemental feed for Google Merchant Center: which product has which videos.
//!
//! A tab-separated file of `id` and `video_link`, which the Merchant Center joins to the main feed
//! by `id`. The rules of links are in `link`.

use std::collections::HashMap;
use std::io::{self, Write};

use super::book::{Job, Line};
use super::clip::Clip;
use super::fill::Fill;
use super::link::{ProviderHosts, checked};
use super::notes::{Note, Notes};
use crate::diagnostic::{Finding, Findings};
use crate::digest::Digest;
use crate::manifest::{Catalogue, GoogleExport};
use crate::template::Engine;
use std::sync::Arc;

/// Most links of a product.
const MOST_LINKS: usize = 10;

/// The feed as it grows.
pub(super) struct Google<'e, 's> {
    settings: &'s GoogleExport,
    providers: ProviderHosts,
    link: Fill<'e, 's>,
    id: Option<Fill<'e, 's>>,
    /// Products in the order in which they came, with their links.
    rows: Vec<(String, Vec<String>)>,
    by_id: HashMap<String, usize>,
    /// What each link gives.
    given: HashMap<String, Digest>,
    twice: Option<String>,
    pub links: u64,
}

impl<'e, 's> Google<'e, 's> {
    pub fn new(
        engine: &'e Engine<'s>,
        settings: &'s GoogleExport,
        providers: ProviderHosts,
    ) -> Self {
        Google {
            settings,
            providers,
            link: Fill::link(engine, &settings.video_link),
            id: settings.id.as_ref().map(|id| Fill::text(engine, id)),
            rows: Vec::new(),
            by_id: HashMap::new(),
            given: HashMap::new(),
            twice: None,
            links: 0,
        }
    }

    /// Adds a product's clip.
    pub fn add(
        &mut self,
        catalogue: &Arc<Catalogue>,
        line: &Line,
        (job, clip): (&Job, &Clip),
        notes: &mut Notes,
    ) {
        if !job.fits(line, &self.settings.only) {
            return;
        }
        let id = match &mut self.id {
            Some(id) => id.of(catalogue, line, job),
            None => Some(line.id.clone()),
        };
        let Some(link) = self.link.of(catalogue, line, job) else { return };
        let Some(id) = id else { return };
        // A cell of the file can't hold what ends it.
        if id.is_empty() || id.contains(char::is_control) {
            return notes.add(Note::Nameless, || job.address.to_string());
        }
        let link = match checked(&link, &self.providers) {
            Ok(link) => link,
            Err(why) => {
                return notes.add(Note::Link, || format!("{}: `{link}` {why}", job.address));
            }
        };
        // Equal clips may have one link; another clip under it would never be seen.
        if *self.given.entry(link.clone()).or_insert(clip.record.digest) != clip.record.digest {
            self.twice.get_or_insert(link);
            return;
        }
        let row = *self.by_id.entry(id.clone()).or_insert_with(|| {
            self.rows.push((id, Vec::new()));
            self.rows.len() - 1
        });
        let links = &mut self.rows[row].1;
        if links.contains(&link) {
            return;
        }
        if links.len() == MOST_LINKS {
            return notes.add(Note::Links, || job.address.to_string());
        }
        links.push(link);
        self.links += 1;
    }

    /// How many products have links.
    pub fn products(&self) -> u64 {
        self.rows.iter().filter(|(_, links)| !links.is_empty()).count() as u64
    }

    /// Writes the feed.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(b"id\tvideo_link\n")?;
        for (id, links) in self.rows.iter().filter(|(_, links)| !links.is_empty()) {
            writeln!(out, "{id}\t{}", links.join(","))?;
        }
        Ok(())
    }

    /// Says what went wrong with the templates. Whether anything did.
    pub fn findings(self, findings: &mut Findings) -> bool {
        let twice = self.twice.is_some();
        if let Some(link) = self.twice {
            let place = self.settings.video_link.place;
            findings.push(
                Finding::error("export::same_link", format!("two clips would both be `{link}`"))
                    .at(place, "gives several clips one URL")
                    .help("name what differs, for instance `{{ file }}`"),
            );
        }
        let link = self.link.findings(findings);
        let id = self.id.is_some_and(|id| id.findings(findings));
        link || id || twice
    }
}
