//! The one door for environment variables that templates read.

use std::collections::BTreeMap;

/// Where environment values come from.
pub trait Environment: Send + Sync {
    /// The value of a variable, if it is set and is text.
    fn value(&self, name: &str) -> Option<String>;
}

/// The process' own environment.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemEnvironment;

impl Environment for SystemEnvironment {
    fn value(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

impl Environment for BTreeMap<String, String> {
    fn value(&self, name: &str) -> Option<String> {
        self.get(name).cloned()
    }
}
