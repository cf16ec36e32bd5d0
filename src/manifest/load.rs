//! Loading: files in, a catalogue and all findings out.
//!
//! What lives here: the order of things, includes, and the settings of the root manifest. Sets,
//! shots, feeds and pictures have their own modules.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::catalogue::{Catalogue, Shot, SubjectSet, Template};
use super::limits::{RawLimits, concurrency};
use super::on_disk;
use super::raw::{CODES, RawManifest};
use super::references::{self, Entering};
use super::rejects::Rejects;
use super::settings::defaults;
use super::used::Used;
use super::workspace::Workspace;
use crate::diagnostic::{Finding, Findings, Place, SourceId, Sources};
use crate::digest::FieldHasher;
use crate::environment::{Environment, ProcessEnvironment};
use crate::limits::Limits;
use crate::media::{PictureLock, PictureTable};
use crate::yaml::{self, ReadProblem, Text};

/// How often a job that failed without a charge is tried again, when the manifest doesn't say.
const RETRIES: u32 = 2;

/// No limit raises the number of files beyond this: places name their file in 16 bits.
const MOST_FILES: u64 = 50_000;

/// Where a clip goes when the manifest doesn't say.
const OUT: &str = "clips/{{ subject.id }}/{{ shot.id }}-{{ job.short }}.mp4";

/// What a load may use.
pub struct LoadOptions {
    /// Limits, as the command line has them; those that differ from the defaults win over the
    /// manifest's.
    pub limits: Limits,
    /// Where environment values come from.
    pub environment: Arc<dyn Environment>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        LoadOptions { limits: Limits::default(), environment: Arc::new(ProcessEnvironment) }
    }
}

/// What a load gives.
#[derive(Debug)]
pub struct Loaded {
    /// The catalogue; absent when there is any error.
    pub catalogue: Option<Catalogue>,
    /// Every file that was read, for showing the findings.
    pub sources: Sources,
    /// Everything that is wrong or worth knowing, sorted.
    pub findings: Findings,
    /// The bad rows of each feed that was read to its end, also where there are none.
    pub rejects: Vec<Rejects>,
}

/// Loads a manifest with all that it includes. Reads files below the manifest's folder, and
/// where the manifest allows it; writes nothing.
pub fn load(path: &Path, options: &LoadOptions) -> Loaded {
    let mut loader = Loader {
        options,
        limits: options.limits.clone(),
        sources: Sources::default(),
        findings: Findings::default(),
        workspace: Workspace::new(path.parent().unwrap_or(Path::new("."))),
        env: BTreeMap::new(),
        inputs: FieldHasher::new("catalogue"),
        pictures: PictureTable::default(),
        entering: Entering::default(),
        optional: HashSet::new(),
        broken_sets: HashSet::new(),
        reference_names: Default::default(),
        used: Used::default(),
        rejects: Vec::new(),
        rejects_files: HashMap::new(),
    };
    let catalogue = loader.catalogue(path);
    let Loader { sources, mut findings, rejects, .. } = loader;
    findings.sort();
    let catalogue = catalogue.filter(|_| !findings.has_errors());
    let catalogue = catalogue.map(|c| Catalogue { sources: sources.clone(), ..c });
    Loaded { catalogue, sources, findings, rejects }
}

/// A manifest that was read.
pub(super) struct File {
    pub raw: RawManifest,
    /// Shown path of its folder, empty for the workspace.
    pub folder: String,
    name: String,
    included: bool,
}

/// What loading collects.
pub(super) struct Loader<'o> {
    options: &'o LoadOptions,
    pub limits: Limits,
    pub sources: Sources,
    pub findings: Findings,
    pub workspace: Workspace,
    pub env: BTreeMap<String, String>,
    pub inputs: FieldHasher,
    pub pictures: PictureTable,
    pub entering: Entering,
    /// The `image:` values that may be absent.
    pub optional: HashSet<Place>,
    /// Sets that stand in a manifest but could not be read; nothing more is said of them.
    pub broken_sets: HashSet<String>,
    /// Names of the references that all subjects of a set have.
    pub reference_names: HashMap<u32, Vec<Arc<str>>>,
    /// The attributes that any manifest names.
    pub used: Used,
    /// Bad rows, by feed.
    pub rejects: Vec<Rejects>,
    /// The files for them, with the set that each is for and where the manifest names it.
    pub rejects_files: HashMap<String, (String, Option<Place>)>,
}

impl Loader<'_> {
    fn catalogue(&mut self, path: &Path) -> Option<Catalogue> {
        let name = path.file_name()?.to_string_lossy().into_owned();
        let root = self.file(path, &name, None)?;
        self.root_settings(&root);
        let concurrency =
            root.raw.limits.as_ref().map_or_else(Default::default, |l| concurrency(&l.value));
        let budget = self.budget(root.raw.budget.as_ref().map(|b| &b.value));
        let guardrails = self.guardrails(root.raw.guardrails.as_ref().map(|g| &g.value));
        let unknown = self.unknown(root.raw.unknown.as_ref().map(|u| &u.value));
        let approvers = root.raw.approvers.as_ref().map(|a| self.approvers(a));
        let unattended = self.unattended(root.raw.unattended.as_ref().map(|u| &u.value));
        let providers = root.raw.providers.as_ref().map(|p| self.providers(&p.value));
        let fetch = self.fetch(root.raw.fetch.as_ref().map(|f| &f.value));
        let judges = root.raw.judges.as_ref().map(|j| self.judges(&j.value)).unwrap_or_default();
        let files = self.with_includes(root);
        let mut sets = self.sets(&files);
        let root = &files[0].raw;
        let out = root.out.as_ref().map_or_else(|| standard_out(root.kinora.place), template);
        let channels = self.channels(&files);
        let mut shots = self.shots(&files, &sets, &out);
        let export = self.export(root.export.as_ref().map(|e| &e.value), &sets, &shots);
        self.settle_pictures(&mut sets, &mut shots);
        let stem = || Path::new(&name).file_stem().map(|s| s.to_string_lossy().into_owned());
        if shots.is_empty() && !self.findings.has_errors() {
            self.findings.push(
                Finding::warning("manifest::no_shots", "the manifest has no shots")
                    .at(root.kinora.place, "in this manifest")
                    .help("add `shots:` to say what is to be made"),
            );
        }
        for (name, value) in &self.env {
            self.inputs.field(name.as_bytes()).field(value.as_bytes());
        }
        Some(Catalogue {
            name: root.name.as_ref().map(|n| n.to_string()).or_else(stem).unwrap_or_default(),
            workspace: self.workspace.folder.clone(),
            sources: Sources::default(),
            inputs: self.inputs.finish(),
            sets,
            shots,
            pictures: std::mem::take(&mut self.pictures),
            env: self.env.clone(),
            out,
            limits: self.limits.clone(),
            concurrency,
            budget,
            guardrails,
            channels,
            defaults: root.defaults.as_ref().map(|d| defaults(&d.value)).unwrap_or_default(),
            approvers,
            providers: providers.unwrap_or_default(),
            prices: root.prices.as_ref().map(|p| (&p.value).into()).unwrap_or_default(),
            retries: root.retries.as_ref().map_or(RETRIES, |r| r.value),
            pay_again: root.pay_again.as_ref().is_some_and(|p| p.value),
            unknown,
            unattended,
            fetch,
            export,
            judges,
        })
    }

    // ---- files

    fn file(&mut self, path: &Path, name: &str, from: Option<Place>) -> Option<File> {
        let (source, text) = match yaml::read_file(path, name, &self.limits, &mut self.sources) {
            Ok(read) => read,
            Err(problem) => {
                let finding = unreadable(problem, name, from);
                self.findings.push(finding);
                return None;
            }
        };
        self.inputs.field(name.as_bytes()).field(text.as_bytes());
        let raw = self.parse(&text, source)?;
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        Some(File { raw, folder, name: name.to_owned(), included: from.is_some() })
    }

    fn parse(&mut self, text: &str, source: SourceId) -> Option<RawManifest> {
        let mut node = yaml::read(text, source, &self.limits, &mut self.findings)?;
        if matches!(node.value, yaml::Value::Null) {
            self.findings.push(
                Finding::error("manifest::empty", "the manifest is empty")
                    .at(Place::new(source, 0, 0), "nothing is written here")
                    .help("begin with `kinora: 1`, then `subjects:` and `shots:`"),
            );
            return None;
        }
        let names = |node: &yaml::Node| -> Vec<String> {
            let sets = node.get("subjects").map(yaml::Node::entries).unwrap_or_default();
            sets.iter().filter_map(|e| e.key.text().map(str::to_owned)).collect()
        };
        let before = names(&node);
        let usable = yaml::check(&mut node, super::schema::manifest(), &CODES, &mut self.findings);
        if usable {
            let after = names(&node);
            self.broken_sets.extend(before.into_iter().filter(|n| !after.contains(n)));
        }
        if !usable {
            return None;
        }
        self.used.read(&node, &self.limits);
        match yaml::decode(&node) {
            Ok(raw) => Some(raw),
            Err(error) => {
                let place = error.place.unwrap_or(node.place);
                self.findings
                    .push(Finding::error("manifest::value", error.message).at(place, "this value"));
                None
            }
        }
    }

    /// The root and everything that it includes, each once, in the order of the includes.
    fn with_includes(&mut self, root: File) -> Vec<File> {
        let mut files = Vec::new();
        let mut seen = HashSet::from([root.name.clone()]);
        let mut road = Vec::new();
        self.include(root, &mut files, &mut seen, &mut road);
        files
    }

    fn include(
        &mut self,
        file: File,
        files: &mut Vec<File>,
        seen: &mut HashSet<String>,
        road: &mut Vec<String>,
    ) {
        road.push(file.name.clone());
        let (folder, includes) = (file.folder.clone(), file.raw.include.items.clone());
        files.push(file);
        for written in includes {
            let Ok(name) = self.workspace.resolve(&folder, written.trim()) else {
                let finding = references::outside("", &written, written.place);
                self.findings.push(Finding { code: "manifest::include_outside", ..finding });
                continue;
            };
            if road.contains(&name) {
                let way = road.iter().chain([&name]).map(|n| format!("`{n}`"));
                self.findings.push(
                    Finding::error("manifest::include_cycle", "a manifest includes itself")
                        .at(written.place, "this closes the circle")
                        .help(format!("the way: {}", way.collect::<Vec<_>>().join(" → "))),
                );
                continue;
            }
            if !seen.insert(name.clone()) {
                continue;
            }
            if files.len() as u64 >= self.limits.include_files.min(MOST_FILES) {
                self.findings.push(
                    Finding::error(
                        "manifest::limit",
                        format!("more than {} manifests are read", self.limits.include_files),
                    )
                    .at(written.place, "one too many")
                    .help(Limits::how_to_raise("include_files")),
                );
                return;
            }
            let path = self.workspace.path(&name);
            if !self.workspace.contains(&path) && path.exists() {
                let finding = references::linked_outside("", &written, written.place);
                self.findings.push(Finding { code: "manifest::include_outside", ..finding });
                continue;
            }
            if let Some(read) = self.file(&path, &name, Some(written.place)) {
                self.only_in_root(&read);
                self.include(read, files, seen, road);
            }
        }
        road.pop();
    }

    fn only_in_root(&mut self, file: &File) {
        debug_assert!(file.included);
        let raw = &file.raw;
        let settings = [
            ("allow", raw.allow.as_ref().map(|v| v.place)),
            ("defaults", raw.defaults.as_ref().map(|v| v.place)),
            ("limits", raw.limits.as_ref().map(|v| v.place)),
            ("budget", raw.budget.as_ref().map(|v| v.place)),
            ("prices", raw.prices.as_ref().map(|v| v.place)),
            ("approvers", raw.approvers.as_ref().map(|v| v.place)),
            ("guardrails", raw.guardrails.as_ref().map(|v| v.place)),
            ("providers", raw.providers.as_ref().map(|v| v.place)),
            ("retries", raw.retries.as_ref().map(|v| v.place)),
            ("pay_again", raw.pay_again.as_ref().map(|v| v.place)),
            ("unknown", raw.unknown.as_ref().map(|v| v.place)),
            ("unattended", raw.unattended.as_ref().map(|v| v.place)),
            ("fetch", raw.fetch.as_ref().map(|v| v.place)),
            ("export", raw.export.as_ref().map(|v| v.place)),
            ("judges", raw.judges.as_ref().map(|v| v.place)),
            ("out", raw.out.as_ref().map(|v| v.place)),
        ];
        for (key, place) in settings {
            if let Some(place) = place {
                self.findings.push(
                    Finding::error(
                        "manifest::only_in_root",
                        format!("`{key}` can only stand in the root manifest"),
                    )
                    .at(place, "this manifest is included")
                    .help(format!("move it to `{}`", self.root_name())),
                );
            }
        }
    }

    fn root_name(&self) -> String {
        self.sources.iter().next().map(|(_, s)| s.name.to_string()).unwrap_or_default()
    }

    /// Whether one more file can be read; reports at `place` when not.
    pub(super) fn room_for_a_file(&mut self, place: Place) -> bool {
        let room = (self.sources.iter().count() as u64) < MOST_FILES;
        if !room {
            self.findings.push(
                Finding::error(
                    "manifest::limit",
                    format!("more than {MOST_FILES} files belong to one catalogue"),
                )
                .at(place, "one too many")
                .help("put several sets into one file"),
            );
        }
        room
    }

    // ---- settings of the root

    fn root_settings(&mut self, root: &File) {
        if let Some(limits) = &root.raw.limits {
            self.raise_limits(&limits.value);
        }
        let Some(allow) = &root.raw.allow else { return };
        for written in &allow.value.roots.items {
            if !self.workspace.allow(written) {
                self.findings.push(
                    Finding::error(
                        "manifest::allow_root",
                        format!("there is no folder `{}`", &**written),
                    )
                    .at(written.place, "no such folder")
                    .help("paths are relative to the root manifest"),
                );
            }
        }
        for name in &allow.value.env.items {
            match self.options.environment.get(name) {
                Some(value) => {
                    self.env.insert(name.to_string(), value);
                }
                None => {
                    self.findings.push(
                        Finding::error(
                            "manifest::env_unset",
                            format!("the environment variable `{}` is not set", &**name),
                        )
                        .at(name.place, "not set")
                        .help("set it, or remove it from `allow`"),
                    );
                    // Uses of it are fine once it is set.
                    self.env.insert(name.to_string(), String::new());
                }
            }
        }
    }

    fn raise_limits(&mut self, raw: &RawLimits) {
        let (given, defaults) = (&self.options.limits, Limits::default());
        for (name, value) in raw.named() {
            let by_hand = limit_value(given, name) != limit_value(&defaults, name);
            if !by_hand {
                self.limits.set(name, value.value);
            }
        }
    }

    // ---- pictures

    /// Says of pictures that have URLs where their bytes are, by the lock file.
    fn locked_pictures(&mut self) {
        if self.pictures.iter().all(|(_, picture)| picture.source.is_none()) {
            return;
        }
        match PictureLock::read(&self.workspace.folder) {
            Ok(lock) => lock.settle(&mut self.pictures, &self.workspace.folder),
            Err(problem) => {
                let finding = Finding::error("reference::lock", problem.message);
                self.findings.push(finding.help(problem.help));
            }
        }
    }

    /// Looks at all pictures, once all are known.
    fn settle_pictures(&mut self, sets: &mut [SubjectSet], shots: &mut [Shot]) {
        self.locked_pictures();
        let absent = on_disk::look(&mut self.pictures, &self.workspace);
        if absent.is_empty() {
            return;
        }
        let (pictures, workspace) = (&self.pictures, &self.workspace);
        for set in sets {
            for subject in &mut set.subjects {
                let who = || (format!("`{}.{}`", set.name, subject.id), subject.place);
                on_disk::settle(
                    &mut subject.references,
                    &absent,
                    &self.optional,
                    pictures,
                    workspace,
                    &who,
                    &mut self.findings,
                );
            }
        }
        for shot in shots {
            let who = || (format!("shot `{}`", shot.id), shot.place);
            let mut list = std::mem::take(&mut shot.references).into_boxed_slice();
            on_disk::settle(
                &mut list,
                &absent,
                &self.optional,
                pictures,
                workspace,
                &who,
                &mut self.findings,
            );
            shot.references = list.into_vec();
        }
    }
}

/// A manifest's text as the catalogue keeps templates.
pub(super) fn template(text: &Text) -> Template {
    Template { source: text.text.clone(), place: text.place, literal: text.literal }
}

fn standard_out(place: Place) -> Template {
    Template { source: Arc::from(OUT), place, literal: false }
}

fn limit_value(limits: &Limits, name: &str) -> Option<u64> {
    serde_json::to_value(limits).ok()?.get(name)?.as_u64()
}

fn unreadable(problem: ReadProblem, name: &str, from: Option<Place>) -> Finding {
    let finding = match problem {
        ReadProblem::Missing => {
            let help = match from {
                Some(_) => "paths are relative to the file that has them",
                None => "name a manifest, or a folder that holds a `kinora.yaml`",
            };
            Finding::error("manifest::missing", format!("there is no manifest `{name}`")).help(help)
        }
        ReadProblem::Io(why) => {
            Finding::error("manifest::unreadable", format!("`{name}` can't be read: {why}"))
        }
        ReadProblem::TooLong(limit) => {
            Finding::error("manifest::limit", format!("`{name}` is longer than {limit} bytes"))
                .help(format!(
                    "{}; large catalogues are better kept in a CSV file: `from: products.csv`",
                    Limits::how_to_raise("manifest_bytes")
                ))
        }
        ReadProblem::NotUtf8(place) => {
            return Finding::error("manifest::utf8", format!("`{name}` is not UTF-8"))
                .at(place, "the first byte that is not")
                .help("save it as UTF-8");
        }
    };
    match from {
        Some(place) => finding.at(place, "included here"),
        None => finding,
    }
}

/// A manifest's `name`, if it can be read that far: for reports over a workspace whose manifest
/// may be broken today.
pub fn name_of(path: &Path, limits: &Limits) -> Option<String> {
    let mut sources = Sources::default();
    let (id, text) = yaml::read_file(path, "", limits, &mut sources).ok()?;
    let tree = yaml::read(&text, id, limits, &mut Findings::default())?;
    Some(tree.get("name")?.text()?.to_owned())
}
