//! Every limit, its default, its name, and how to raise it: `--limit NAME=VALUE`, or
//! `limits:` in the manifest for those that hold after it is read.
//!
//! What never lives here: limits of providers and models (those are on their cards).

use serde::{Deserialize, Serialize};

/// One limit's name, default and meaning; the table that `--help`, errors and ARCHITECTURE share.
pub struct LimitInfo {
    /// As written after `--limit`.
    pub name: &'static str,
    /// The default.
    pub default: u64,
    /// What it bounds.
    pub meaning: &'static str,
}

macro_rules! limits {
    ($($field:ident = $default:expr, $meaning:literal;)+) => {
        /// The limits in force for one load, plan and run.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Limits {
            $(#[doc = $meaning] pub $field: u64,)+
        }

        impl Default for Limits {
            fn default() -> Self {
                Limits { $($field: $default,)+ }
            }
        }

        impl Limits {
            /// Every limit with its default and meaning.
            pub const TABLE: &'static [LimitInfo] = &[
                $(LimitInfo { name: stringify!($field), default: $default, meaning: $meaning },)+
            ];

            /// Sets one limit by its name; false when there is no such limit.
            pub fn set(&mut self, name: &str, value: u64) -> bool {
                match name {
                    $(stringify!($field) => self.$field = value,)+
                    _ => return false,
                }
                true
            }
        }
    };
}

limits! {
    manifest_bytes = 16 << 20, "bytes of one manifest or card";
    yaml_depth = 64, "nesting depth of one manifest";
    yaml_nodes = 4_000_000, "values in one manifest, counted after aliases are expanded";
    include_files = 1_000, "manifests read for one catalogue, by include";
    feed_bytes = 4 << 30, "bytes of one feed (CSV)";
    feed_rows = 5_000_000, "rows of one feed";
    feed_cell_bytes = 1 << 20, "bytes of one feed cell";
    subjects = 5_000_000, "subjects in one catalogue";
    references_per_subject = 64, "pictures of one subject";
    template_fuel = 20_000, "steps of one template or expression";
    prompt_bytes = 16 << 10, "bytes of one prompt, after its template is filled in";
    picture_bytes = 64 << 20, "bytes of one picture";
    picture_pixels = 100_000_000, "pixels of one picture";
    jobs = 2_000_000, "jobs of one plan";
}

impl Limits {
    /// The help line of an error about a limit.
    pub fn how_to_raise(name: &str) -> String {
        debug_assert!(Self::TABLE.iter().any(|l| l.name == name), "unknown limit {name}");
        format!("the limit is `{name}`; raise it with `--limit {name}=VALUE` if this is meant")
    }
}
