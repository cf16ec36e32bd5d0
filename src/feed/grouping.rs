//! Which records belong together, whatever blocks they were read in.

use std::collections::HashMap;
use std::sync::Arc;

use super::entry::{BadRow, RecordId, Spot};
use super::reading::{Kin, Reading, Refusal, key, refused};
use super::source::{Block, BlockBuilder, Record};

/// No product has so many rows: an export in which one seems to has lost its handles.
const MOST_TOGETHER: usize = 10_000;

/// Records that belong together, one group after another.
#[derive(Debug, Default)]
pub(super) struct Groups {
    ids: Vec<RecordId>,
    ends: Vec<usize>,
}

impl Groups {
    fn push(&mut self, ids: impl IntoIterator<Item = RecordId>) {
        self.ids.extend(ids);
        self.ends.push(self.ids.len());
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn get(&self, group: usize) -> &[RecordId] {
        let start = group.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.ids[start..self.ends[group]]
    }
}

/// Blocks with the groups in them that are whole.
#[derive(Debug, Default)]
pub(super) struct Grouped {
    pub blocks: Vec<Arc<Block>>,
    pub groups: Groups,
    pub bad: Vec<BadRow>,
}

/// Every record is for itself.
pub(super) fn alone(blocks: Vec<Block>) -> Grouped {
    let blocks = shared(blocks);
    let mut groups = Groups::default();
    for (index, block) in blocks.iter().enumerate() {
        for record in 0..block.len() {
            groups.push([id(index, record)]);
        }
    }
    Grouped { blocks, groups, bad: Vec::new() }
}

fn shared(blocks: Vec<Block>) -> Vec<Arc<Block>> {
    blocks.into_iter().map(Arc::new).collect()
}

fn id(block: usize, record: usize) -> RecordId {
    // A batch has some dozens of blocks, and a block less than 2^31 bytes.
    RecordId { block: block as u32, record: record as u32 }
}

/// Records that follow each other with the same text in one column.
pub(super) struct Runs {
    column: usize,
    header: String,
    /// The rows of the run that the last batch ended in.
    open: Option<Block>,
    /// Where runs began, by digests of their texts.
    seen: HashMap<u64, u64>,
}

impl Runs {
    pub fn new(column: usize, header: String) -> Self {
        Runs { column, header, open: None, seen: HashMap::new() }
    }

    /// Adds blocks; the last run stays open unless `ended`.
    pub fn add(&mut self, new: Vec<Block>, ended: bool) -> Grouped {
        let blocks = shared(self.open.take().into_iter().chain(new).collect());
        let mut grouped = Grouped::default();
        let mut run: Vec<RecordId> = Vec::new();
        let mut text: Option<std::borrow::Cow<'_, str>> = None;
        for (index, block) in blocks.iter().enumerate() {
            for record in block.records() {
                let own = record.get(self.column).unwrap_or_default();
                // Spreadsheets leave rows of nothing but commas, between others and at the end.
                if own.trim().is_empty() && record.is_blank() {
                    continue;
                }
                if text.as_deref().is_none_or(|text| text.trim() != own.trim()) {
                    self.close(&blocks, &mut run, &mut grouped);
                    text = Some(own);
                }
                if run.len() < MOST_TOGETHER {
                    run.push(id(index, record.index()));
                } else {
                    grouped.bad.push(self.too_many(record));
                }
            }
        }
        drop(text);
        if ended {
            self.close(&blocks, &mut run, &mut grouped);
        } else if !run.is_empty() {
            self.open = Some(detached(run.iter().map(|id| record_of(&blocks, *id))));
        }
        grouped.blocks = blocks;
        grouped
    }

    /// Ends a run: it becomes a group unless its text was there before.
    fn close(&mut self, blocks: &[Arc<Block>], run: &mut Vec<RecordId>, grouped: &mut Grouped) {
        let Some(first) = run.first().map(|id| record_of(blocks, *id)) else { return };
        let text = first.get(self.column).unwrap_or_default();
        let text = text.trim();
        let at = first.spot(self.column);
        let before = (!text.is_empty()).then(|| self.seen.insert(key(&[text]), at.start)).flatten();
        match before {
            None => grouped.groups.push(run.drain(..)),
            Some(before) => {
                self.seen.insert(key(&[text]), before);
                let there = Spot { start: before, length: at.length };
                let rows = run.drain(..).map(|id| self.comes_back(record_of(blocks, id), there));
                grouped.bad.extend(rows);
            }
        }
    }

    fn comes_back(&self, record: Record<'_>, before: Spot) -> BadRow {
        let text = record.get(self.column).unwrap_or_default().trim().to_owned();
        let why = Refusal {
            code: "feed::comes_back",
            what: format!("`{text}` comes back after others"),
            label: "again here".to_owned(),
            help: "rows of one product follow each other; sort the file by this column".to_owned(),
            also: Some((before, "first here".to_owned())),
        };
        refused(record, Some((self.column, &self.header)), why)
    }

    fn too_many(&self, record: Record<'_>) -> BadRow {
        let why = Refusal {
            code: "feed::limit",
            what: format!("more than {MOST_TOGETHER} rows have this one"),
            label: "this row is left out".to_owned(),
            help: "is this the column that says which rows are one product?".to_owned(),
            also: None,
        };
        refused(record, Some((self.column, &self.header)), why)
    }
}

/// Records that belong together wherever they stand. How many there are of each family was
/// counted before, so that one is given out as soon as it is whole.
pub(super) struct Families {
    /// Parents' other keys, to the one that their family goes by.
    names: HashMap<u64, u64>,
    sizes: HashMap<u64, u32>,
    /// Those that are not whole yet.
    open: HashMap<u64, Vec<RecordId>>,
    /// Their records, and those of families that have become whole since they were put here.
    waiting: Vec<Arc<Block>>,
}

/// Counts families before they are read.
#[derive(Default)]
pub(super) struct Census {
    names: HashMap<u64, u64>,
    sizes: HashMap<u64, u32>,
    children: HashMap<u64, u32>,
}

impl Census {
    pub fn add(&mut self, block: &Block, reading: &dyn Reading) {
        for record in block.records() {
            match reading.kin(record) {
                Kin::Alone => {}
                Kin::Mate(family) => *self.sizes.entry(family).or_default() += 1,
                Kin::Child(parent) => *self.children.entry(parent).or_default() += 1,
                Kin::Parent(keys) => {
                    let mut keys = keys.into_iter().flatten();
                    let Some(first) = keys.next() else { continue };
                    // Parents with ids of their own are others, even where they share a SKU.
                    let name = *self.names.entry(first).or_insert(first);
                    for key in keys {
                        self.names.entry(key).or_insert(name);
                    }
                    *self.sizes.entry(name).or_default() += 1;
                }
            }
        }
    }

    pub fn finish(mut self) -> Families {
        for (parent, count) in self.children {
            if let Some(name) = self.names.get(&parent) {
                *self.sizes.entry(*name).or_default() += count;
            }
        }
        Families { names: self.names, sizes: self.sizes, open: HashMap::new(), waiting: Vec::new() }
    }
}

impl Families {
    /// Adds blocks, and gives out the families that are whole; all that are left once `ended`.
    pub fn add(&mut self, new: Vec<Block>, reading: &dyn Reading, ended: bool) -> Grouped {
        let waited = self.waiting.len();
        let mut blocks = std::mem::take(&mut self.waiting);
        blocks.extend(shared(new));
        let mut whole: Vec<Vec<RecordId>> = Vec::new();
        for (index, block) in blocks.iter().enumerate().skip(waited) {
            for record in block.records() {
                let own = id(index, record.index());
                let Some(family) = self.family(reading.kin(record)) else {
                    whole.push(vec![own]);
                    continue;
                };
                let members = self.open.entry(family).or_default();
                members.push(own);
                let size = self.sizes.get(&family).copied().unwrap_or(1) as usize;
                if members.len() >= size.min(MOST_TOGETHER) {
                    whole.extend(self.open.remove(&family));
                }
            }
        }
        if ended {
            // Only a file that changes while it is read leaves any.
            let mut left: Vec<Vec<RecordId>> = self.open.drain().map(|(_, ids)| ids).collect();
            left.sort_by_key(|ids| ids.first().map(|id| (id.block, id.record)));
            whole.extend(left);
        }
        self.wait(&blocks, waited);
        let mut grouped = Grouped { blocks, ..Grouped::default() };
        whole.into_iter().for_each(|members| grouped.groups.push(members));
        grouped
    }

    fn family(&self, kin: Kin) -> Option<u64> {
        match kin {
            Kin::Alone => None,
            Kin::Mate(family) => Some(family),
            Kin::Child(parent) => self.names.get(&parent).copied(),
            Kin::Parent(keys) => keys.iter().flatten().find_map(|key| self.names.get(key)).copied(),
        }
    }

    /// Keeps the records of families that are not whole, and nothing else of their blocks. Those
    /// that waited before are left where they are until most around them are gone, so that each
    /// is copied a few times at most.
    fn wait(&mut self, blocks: &[Arc<Block>], waited: usize) {
        let mut members: Vec<&mut RecordId> = self.open.values_mut().flatten().collect();
        members.sort_unstable_by_key(|id| (id.block, id.record));
        let old = members.partition_point(|id| (id.block as usize) < waited);
        let there: usize = blocks[..waited].iter().map(|block| block.len()).sum();
        let stay = if old * 2 >= there { old } else { 0 };
        if stay > 0 {
            self.waiting = blocks[..waited].to_vec();
        }
        let moved = &mut members[stay..];
        if moved.is_empty() {
            return;
        }
        let block = detached(moved.iter().map(|id| record_of(blocks, **id)));
        for (index, member) in moved.iter_mut().enumerate() {
            **member = id(self.waiting.len(), index);
        }
        self.waiting.push(Arc::new(block));
    }
}

/// A record of a batch.
pub(super) fn record_of(blocks: &[Arc<Block>], id: RecordId) -> Record<'_> {
    blocks[id.block as usize].record(id.record as usize)
}

/// Records on their own, without the block they were read in.
fn detached<'b>(records: impl Iterator<Item = Record<'b>>) -> Block {
    let mut builder = BlockBuilder::default();
    for record in records {
        builder.begin(record.number(), record.line(), record.at(), record.raw());
        for column in 0..record.len() {
            builder.cell(record.get(column).as_deref(), record.spot(column));
        }
    }
    builder.finish()
}
