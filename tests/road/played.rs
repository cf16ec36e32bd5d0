//! Providers played on this machine by the program itself.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use crate::workspace::Workspace;

/// A provider played by `kinora simulate`.
pub struct Played {
    process: Child,
    pub url: String,
}

impl Played {
    pub fn start(shop: &Workspace, provider: &str, options: &[&str]) -> Played {
        let mut arguments = vec!["simulate", "--provider", provider, "--clip-side", "96"];
        arguments.extend(options);
        let mut command = shop.command(&arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("it starts");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("it is read here");
        BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
        let said: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        let url = said["url"].as_str().expect("a URL").to_owned();
        Played { process, url }
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
