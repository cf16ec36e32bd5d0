//! Full dispatch against a provider without latency: how many jobs a second, and at what cost.
//!
//!     cargo bench --bench dispatch [-- --jobs N] [--in-flight N] [--delay-ms N] [--posters]
//!                                  [--poll-every S] [--folder F] [--port P]
//!     cargo bench --bench dispatch -- serve [--port P] [--delay-ms N]
//!     cargo bench --bench dispatch -- fill WORKSPACE [--few N]
//!
//! The first form starts the second as a process of its own, unless a port is given, at which a
//! server listens already. `compare.sh` measures others against the same server, `resume.sh` fills the
//! ledger of a large workspace by the third.

mod clip;
mod cost;
mod drive;
mod fill;
mod server;

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The workspace with the provider's card and the model's.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/dispatch/workspace");

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let option = |name: &str| {
        words.iter().position(|word| word == name).and_then(|at| words.get(at + 1)).cloned()
    };
    let number = |name: &str, usual: u64| option(name).map_or(Ok(usual), |text| text.parse());
    let port = u16::try_from(number("--port", 0)?)?;
    let delay = Duration::from_millis(number("--delay-ms", 0)?);
    if words.first().is_some_and(|word| word == "serve") {
        return server::serve(port, delay);
    }
    if let [word, workspace, ..] = words.as_slice()
        && word == "fill"
    {
        return fill::fill(Path::new(workspace), number("--few", 50)?);
    }
    let wanted = drive::Wanted {
        jobs: number("--jobs", 20_000)?,
        in_flight: u32::try_from(number("--in-flight", 256)?)?,
        poll_every: u32::try_from(number("--poll-every", 0)?)?,
        posters: words.iter().any(|word| word == "--posters"),
    };
    let below = option("--folder").map_or_else(std::env::temp_dir, PathBuf::from);
    std::fs::create_dir_all(&below)?;
    let folder = tempfile::tempdir_in(below)?;
    copy_cards(folder.path())?;
    let (server, port) = match port {
        0 => Server::start(delay)?,
        port => (Server { process: None, id: option("--server").unwrap_or_default() }, port),
    };
    drive::run(&wanted, folder.path(), port, &server.id)
}

fn copy_cards(to: &Path) -> std::io::Result<()> {
    for file in ["providers/bench.yaml", "models/bench.yaml"] {
        let to = to.join(file);
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::copy(Path::new(WORKSPACE).join(file), to)?;
    }
    Ok(())
}

/// The provider in a process of its own; ends with this value.
struct Server {
    process: Option<Child>,
    id: String,
}

impl Server {
    fn start(delay: Duration) -> Result<(Server, u16), Box<dyn Error>> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", "--delay-ms", &delay.as_millis().to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let out = process.stdout.take().ok_or("the server says nothing")?;
        let mut port = String::new();
        BufReader::new(out).read_line(&mut port)?;
        let id = process.id().to_string();
        Ok((Server { process: Some(process), id }, port.trim().parse()?))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
