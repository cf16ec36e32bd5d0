//! The one door to environment variables, so that tests and rehearsals can hold it.

use std::collections::BTreeMap;

/// Gives environment variables.
pub trait Environment: Send + Sync {
    /// The value of a variable, if it is set and is text.
    fn get(&self, name: &str) -> Option<String>;
}

/// The process's own environment.
#[derive(Debug, Clone, Copy)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

impl Environment for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).cloned()
    }
}
