//! Manifests: YAML and feeds become a catalogue, every value with its place in the file.
//!
//! What lives here: the manifest's types and schema, loading, feeds, references on disk,
//! selectors. What never does: routes, prices, jobs, network; nothing is written.

mod addresses;
mod approvers;
mod bad_rows;
mod catalogue;
mod channels;
mod choose;
mod consistency;
mod export;
mod feed_pictures;
mod feed_select;
mod fill;
mod from_feed;
mod guardrails;
mod header;
mod judges;
mod layout;
mod length;
mod limits;
mod load;
mod names;
mod on_disk;
mod people;
mod prices;
mod providers;
mod rates;
mod raw;
mod references;
mod rejects;
mod remote;
mod rows;
pub mod schema;
mod selectors;
mod sets;
mod settings;
mod shots;
mod typed;
mod unattended;
mod used;
mod workspace;

pub use crate::feed::AttributeType;
pub use addresses::is_this_machine;
pub use approvers::{Approver, Approvers};
pub use catalogue::{
    Axis, Budget, BudgetShare, Catalogue, Columns, Concurrency, FeedFacts, FeedFormat, Inherited,
    Limit, LimitOf, LimitPlace, Placed, PoolLimit, Reference, Role, Row, Selection, Settings, Shot,
    Subject, SubjectKind, SubjectRef, SubjectSet, Template, Unknown, Updated, With,
};
pub use choose::{Choose, Pattern};
pub use consistency::{Bounds, Consistency, ConsistencyRule, MIN, MOST_RETAKES, OnFail};
pub use export::{Export, GoogleExport, ShopPlan, ShopifyExport};
pub use guardrails::{Guardrails, Rule, Severity};
pub use judges::{JudgeBy, JudgeRule, JudgeUrl, Layout, OnnxModel, judge_url};
pub use length::{AUTO, Length};
pub use load::{LoadOptions, Loaded, load, name_of};
pub use prices::{MAX_AGE_DAYS, PricePolicy};
pub use providers::{ProviderSettings, SetVariable};
pub use rejects::Rejects;
pub use remote::{BeforeRun, FetchSettings, HeaderText, Missing};
pub use typed::typed;
pub use unattended::{
    Notify, NotifyOn, NotifyTo, StandingPolicy, Unattended, duration, peek as peek_unattended,
};
