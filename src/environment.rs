//! The one door to environment variables, so that tests and rehearsals can hold it; and to the file
//! of the program itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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

/// The program that runs now, to be started once more. Linux knows it even after an update has put
/// another in its place.
///
/// # Errors
/// The system does not tell.
pub fn own_program() -> std::io::Result<PathBuf> {
    let itself = Path::new("/proc/self/exe");
    if itself.exists() { Ok(itself.to_owned()) } else { std::env::current_exe() }
}
