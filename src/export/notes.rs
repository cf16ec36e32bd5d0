//! What an export has to say: counted by kind, with examples, so that a shop of 100,000 products gets
//! a few lines.

use std::collections::BTreeMap;

use crate::diagnostic::{Finding, Findings};

/// How many examples a note names.
const EXAMPLES: usize = 3;

/// Kinds of notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Note {
    /// A clip's file is not as it was made.
    File,
    /// A box of a clip promises Content Credentials and has none.
    Credentials,
    /// A finished clip whose job no plan has any more.
    Orphaned,
    /// A clip that a person rejected.
    Rejected,
    /// A clip that fails beside its references, where that keeps it from shops.
    Held,
    /// A clip that would be kept from shops if it failed, and could not be looked at so far.
    Unseen,
    /// A clip whose job was begun anew, and has no newer clip yet.
    Earlier,
    /// A clip of an earlier request, with a job that a run would start anew.
    Changed,
    /// More clips than a product may have links.
    Links,
    /// A link that Google would not take.
    Link,
    /// A product without an id or a handle.
    Nameless,
    /// A clip that Shopify would not take.
    TooLarge,
    /// More media than a product may have.
    TooMany,
    /// A clip without a picture for the sheet.
    Poster,
}

impl Note {
    fn code(self) -> &'static str {
        match self {
            Note::File => "export::file",
            Note::Credentials => "export::credentials",
            Note::Orphaned => "export::orphaned",
            Note::Rejected => "export::rejected",
            Note::Held => "export::held",
            Note::Unseen => "export::unseen",
            Note::Earlier => "export::earlier",
            Note::Changed => "export::changed",
            Note::Links => "export::links",
            Note::Link => "export::link",
            Note::Nameless => "export::nameless",
            Note::TooLarge => "export::too_large",
            Note::TooMany => "export::too_many",
            Note::Poster => "export::poster",
        }
    }

    /// What it says after its number: of one, of many; and what to do.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Note::File => (
                "clip is left out, since its file is not as it was made",
                "clips are left out, since their files are not as they were made",
                "`kinora ledger verify` looks at every clip; put those that are gone back from a backup",
            ),
            Note::Credentials => (
                "clip has a box for Content Credentials without a manifest in it",
                "clips have a box for Content Credentials without a manifest in it",
                "it counts as a clip without them; something may have changed it before it was fetched",
            ),
            Note::Orphaned => (
                "clip is for no shop, since the manifest asks for it no more",
                "clips are for no shop, since the manifest asks for them no more",
                "the results and the evidence have them all the same",
            ),
            Note::Rejected => (
                "clip is for no shop, since a person rejected it",
                "clips are for no shop, since a person rejected them",
                "`kinora accept JOB` takes one back; `kinora reject JOB --retake` asks for another",
            ),
            Note::Held => (
                "clip is for no shop, since it fails beside its references and nobody accepted it",
                "clips are for no shop, since they fail beside their references and nobody accepted them",
                "`kinora accept JOB` lets one through; `kinora report . -o page.html` shows each beside \
                 its references",
            ),
            Note::Unseen => (
                "clip was not held against its references, and is given all the same",
                "clips were not held against their references, and are given all the same",
                "`kinora verify` looks at them and says why where it can't; `kinora reject JOB` keeps one \
                 back",
            ),
            Note::Earlier => (
                "clip is of an earlier attempt: its job was begun anew, and has no newer one yet",
                "clips are of earlier attempts: their jobs were begun anew, and have no newer ones yet",
                "they are given until there are newer ones; `status` and `why` in the results say more",
            ),
            Note::Changed => (
                "clip is of an earlier request: its prompt, pictures or settings changed since",
                "clips are of earlier requests: their prompts, pictures or settings changed since",
                "`kinora run` makes them anew; `change` in the results says which they are",
            ),
            Note::Links => (
                "clip is left out of Google's feed, since a product has at most 10 links",
                "clips are left out of Google's feed, since a product has at most 10 links",
                "choose with `export: {google: {only: [SHOT]}}`",
            ),
            Note::Link => (
                "clip is left out of Google's feed for its link",
                "clips are left out of Google's feed for their links",
                "`video_link` must give each clip an https URL of your own hosting that does not expire",
            ),
            Note::Nameless => (
                "clip is left out, since its product has no id there",
                "clips are left out, since their products have no id there",
                "`handle` for Shopify and `id` for Google must give a text for each product",
            ),
            Note::TooLarge => (
                "clip is above what Shopify takes (1 GB, 10 minutes)",
                "clips are above what Shopify takes (1 GB, 10 minutes)",
                "they are in the file all the same; make them shorter, or host them elsewhere",
            ),
            Note::TooMany => (
                "product would have more than 250 clips",
                "products would have more than 250 clips",
                "choose with `export: {shopify: {only: [SHOT]}}`",
            ),
            Note::Poster => (
                "clip is on the contact sheet without a picture",
                "clips are on the contact sheet without a picture",
                "no picture of it lies beside it, and none can be made (another codec than H.264)",
            ),
        }
    }
}

/// What was noted so far.
#[derive(Debug, Default)]
pub(super) struct Notes(BTreeMap<Note, (u64, Vec<String>)>);

impl Notes {
    /// Notes one case.
    pub fn add(&mut self, note: Note, example: impl FnOnce() -> String) {
        let (count, examples) = self.0.entry(note).or_default();
        *count += 1;
        if examples.len() < EXAMPLES {
            examples.push(example());
        }
    }

    /// As findings, for people and programs.
    pub fn findings(self, findings: &mut Findings) {
        for (note, (count, examples)) in self.0 {
            let (one, many, help) = note.words();
            let what = if count == 1 { one } else { many };
            let more = if count > examples.len() as u64 { ", …" } else { "" };
            let message = format!("{count} {what} ({}{more})", examples.join(", "));
            findings.push(Finding::warning(note.code(), message).help(help));
        }
    }
}
