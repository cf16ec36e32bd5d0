//! A command: a program with its arguments, no shell, what is told on its standard input.
//!
//! Input and output are files, so that a program which reads nothing, or leaves children behind that
//! hold its output open, can hold up nobody. What never lives here: who is told.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::{Patience, Told, Untold};

/// Bytes of what it prints that are kept.
const MOST_SAID: u64 = 16 << 10;

/// Between two looks at whether it has ended.
const LOOK: Duration = Duration::from_millis(20);

/// Runs it in `folder` and waits for its end, at most as long as all tries of a webhook may take;
/// then it is killed. It is run once: what it does may not bear to be done twice.
pub fn run(
    command: &[String],
    folder: &Path,
    body: &[u8],
    patience: Patience,
) -> Result<Told, Untold> {
    let most = patience.each * patience.tries;
    let failed = |why: String, said| Untold { tries: 1, why, said };
    let Some((program, arguments)) = command.split_first() else {
        return Err(failed("there is no command".to_owned(), None));
    };
    let (mut child, mut output) = start(program, arguments, folder, body)
        .map_err(|error| failed(format!("it can't be started: {error}"), None))?;
    let status = wait(&mut child, most);
    let said = said(&mut output);
    match status {
        Ok(Some(status)) if status.success() => Ok(Told { tries: 1, said }),
        Ok(Some(status)) => Err(failed(format!("it ended with {status}"), said)),
        Ok(None) => Err(failed(format!("it did not end in {} s", most.as_secs_f64()), said)),
        Err(error) => Err(failed(format!("it can't be waited for: {error}"), said)),
    }
}

fn start(
    program: &str,
    arguments: &[String],
    folder: &Path,
    body: &[u8],
) -> std::io::Result<(Child, File)> {
    let mut input = tempfile::tempfile()?;
    input.write_all(body)?;
    input.rewind()?;
    let output = tempfile::tempfile()?;
    let child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::from(input))
        .stdout(Stdio::from(output.try_clone()?))
        .stderr(Stdio::from(output.try_clone()?))
        .spawn()?;
    Ok((child, output))
}

/// Its end; `None` when it had to be killed.
fn wait(child: &mut Child, most: Duration) -> std::io::Result<Option<ExitStatus>> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if began.elapsed() >= most {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}

/// The beginning of what it printed.
fn said(output: &mut File) -> Option<String> {
    let mut bytes = Vec::new();
    output.rewind().ok()?;
    output.take(MOST_SAID).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quick() -> Patience {
        Patience { each: Duration::from_millis(300), tries: 1, pause: Duration::ZERO }
    }

    fn run_here(command: &[&str]) -> Result<Told, Untold> {
        let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        run(&command, Path::new("."), b"{\"exit\":0}", quick())
    }

    #[test]
    fn it_gets_what_is_told_on_its_standard_input() {
        let told = run_here(&["cat"]).expect("cat is on every machine");
        assert_eq!(told.said.as_deref(), Some("{\"exit\":0}"));
    }

    #[test]
    fn its_end_is_told_with_what_it_said() {
        let untold =
            run_here(&["sh", "-c", "echo no mail here >&2; exit 3"]).expect_err("it fails");
        assert!(untold.why.contains("exit status: 3"), "{}", untold.why);
        assert_eq!(untold.said.as_deref(), Some("no mail here"));
    }

    #[test]
    fn it_is_killed_when_it_takes_too_long_even_if_its_children_live_on() {
        let untold = run_here(&["sh", "-c", "sleep 60 & echo on it; wait"]).expect_err("it waits");
        assert!(untold.why.contains("did not end"), "{}", untold.why);
        assert_eq!(untold.said.as_deref(), Some("on it"));
    }

    #[test]
    fn no_shell_is_involved() {
        let told = run_here(&["echo", "$HOME; true"]).expect("echo is on every machine");
        assert_eq!(told.said.as_deref(), Some("$HOME; true"));
        let untold = run_here(&["kinora-no-such-program"]).expect_err("there is none");
        assert!(untold.why.starts_with("it can't be started"), "{}", untold.why);
    }
}
