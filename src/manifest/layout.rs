//! What is the same for all rows of a feed: its columns, the id's template, pictures, tags, what
//! is selected, and whose text is kept.
//!
//! What never lives here: rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::catalogue::SubjectSet;
use super::feed_select::{RawSelect, Wanted};
use super::header::Header;
use super::load::Loader;
use super::names::{self, Scope, Use};
use super::raw::RawSet;
use super::rows::{Layout, Tags};
use super::sets::{nearest_help, tags};
use crate::diagnostic::{Finding, SourceId};
use crate::feed::{AttributeType, Columns, Feed, FeedFormat};
use crate::yaml::Text;

/// The template of an id when the manifest gives none.
const ID: &str = "{{ id }}";

impl Loader<'_> {
    /// Everything that is the same for all rows; also gives the set its columns, and tells the
    /// feed which it need not read.
    pub(super) fn layout(
        &mut self,
        index: u32,
        set: &mut SubjectSet,
        raw: &RawSet,
        from: &Text,
        feed: &mut Feed,
        source: SourceId,
    ) -> Option<Layout> {
        let attributes = &raw.attributes;
        let header =
            Header::new(feed.columns(), attributes, source, from.place, &mut self.findings);
        let id = raw.id.clone().unwrap_or_else(|| Text {
            text: Arc::from(ID),
            place: from.place,
            literal: false,
        });
        let mut columns = header.attributes.clone();
        for (name, kind) in &mut columns {
            let used = crate::template::find_variable(&id, name).is_some();
            if used && *kind == AttributeType::Auto {
                *kind = AttributeType::Text;
            }
        }
        set.columns = Columns::new(columns);
        let id_known = self.check_id_template(raw, from, &id, &header, set);
        let specs = self.usable_specs(&raw.references, &[], true, set);
        self.reference_names.insert(index, specs.iter().map(|s| s.name.clone()).collect());
        let tags = self.tags_from(raw, &header, feed.format());
        let select = raw.select.as_ref().map(|select| self.wanted(&select.value, &header, set));
        if !id_known {
            return None;
        }
        let (real_person, consent) = self.people_of_rows(raw, set);
        let columns = set.columns.clone();
        let width = header.written.len();
        let mut read: BTreeSet<usize> = select.iter().flat_map(Wanted::columns).collect();
        if let Tags::Column(column) = tags {
            read.insert(column);
        }
        if raw.id.is_none() {
            read.extend(header.position("id"));
        }
        let names = columns.names().enumerate();
        read.extend(names.filter(|(_, name)| self.used.has(name)).map(|(column, _)| column));
        // What the manifest calls a number is one in every row; what a format makes itself matters
        // where something looks at it.
        let checked = |kind| matches!(kind, AttributeType::Number | AttributeType::Boolean);
        let strict = |column: &usize| {
            let made = checked(feed.columns()[*column].kind);
            checked(columns.type_of(*column)) && (!made || read.contains(column))
        };
        let strict: Vec<usize> = (0..width).filter(strict).collect();
        read.extend(&strict);
        feed.keep(|column, _| read.contains(&column));
        // What is only said to be there stays known, so that nothing more is said of it.
        let kept = columns.names().enumerate();
        let kept = kept.filter(|(column, name)| *column >= width || self.used.stays(name));
        let kept = kept.map(|(column, _)| column).collect();
        Some(Layout {
            header,
            source,
            id,
            specs,
            tags,
            columns,
            kept,
            strict,
            select,
            real_person,
            consent,
            from: from.clone(),
        })
    }

    /// `select:`, with its columns; what is wrong with it is said.
    fn wanted(&mut self, raw: &RawSelect, header: &Header, set: &SubjectSet) -> Wanted {
        let scope = Scope {
            purpose: Use::Condition,
            sets: vec![set],
            with: Vec::new(),
            axes: Vec::new(),
            channel: false,
            env: &self.env,
        };
        let (limits, sources) = (&self.limits, &self.sources);
        let condition = raw.condition.as_ref();
        let condition =
            condition.filter(|c| names::check(c, &scope, limits, sources, &mut self.findings));
        Wanted::new(raw, condition, header, limits, &mut self.findings)
    }

    fn check_id_template(
        &mut self,
        raw: &RawSet,
        from: &Text,
        id: &Text,
        header: &Header,
        set: &SubjectSet,
    ) -> bool {
        if raw.id.is_none() && header.position("id").is_none() {
            let columns = || header.attributes.iter().map(|(n, _)| n.as_str());
            self.findings.push(
                Finding::error("feed::no_id", "the feed has no column `id`, and the set no `id:`")
                    .at(from.place, "which column names a row?")
                    .help(format!(
                        "write, for instance, `id: \"{{{{ {} }}}}\"`; columns: {}",
                        columns().next().unwrap_or("sku"),
                        columns().take(30).collect::<Vec<_>>().join(", ")
                    )),
            );
            return false;
        }
        if !id.contains('{') {
            let help = match header.position(id.trim()) {
                Some(column) => {
                    format!("write `id: \"{{{{ {} }}}}\"`", header.attributes[column].0)
                }
                None => "write it as a template, for instance `id: \"{{ sku }}\"`".to_owned(),
            };
            self.findings.push(
                Finding::error("feed::constant_id", "the id is the same for every row")
                    .at(id.place, "no column is named as {{ column }}")
                    .help(help),
            );
            return false;
        }
        let scope = Scope {
            purpose: Use::Id,
            sets: vec![set],
            with: Vec::new(),
            axes: Vec::new(),
            channel: false,
            env: &self.env,
        };
        names::check(id, &scope, &self.limits, &self.sources, &mut self.findings)
    }

    fn tags_from(&mut self, raw: &RawSet, header: &Header, format: FeedFormat) -> Tags {
        match &raw.tags {
            // Shops' exports have tags in a way of their own.
            None => match format {
                FeedFormat::Csv | FeedFormat::Jsonl => {
                    header.position("tags").map_or(Tags::Feed, Tags::Column)
                }
                _ => Tags::Feed,
            },
            Some(list) if list.list => Tags::Fixed(tags(list.items.iter().map(|t| &**t))),
            Some(one) => {
                let Some(name) = one.items.first() else { return Tags::Fixed(Box::from([])) };
                if let Some(column) = header.position(name.trim()) {
                    return Tags::Column(column);
                }
                let there = &header.attributes[..header.written.len()];
                let names = there.iter().map(|(n, _)| n.as_str());
                self.findings.push(
                    Finding::error(
                        "feed::unknown_column",
                        format!("the feed has no column `{}` for tags", &**name),
                    )
                    .at(name.place, "this column")
                    .help(format!(
                        "{}; tags that all rows have are written as a list: `tags: [{}]`",
                        nearest_help(name, names, "its columns"),
                        &**name
                    )),
                );
                Tags::Fixed(Box::from([]))
            }
        }
    }
}
