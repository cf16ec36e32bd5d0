//! Where words go: data to stdout, talk to stderr; width and colour.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kinora::diagnostic::{self, Findings, Severity, Sources};
use kinora::exit::Exit;

use super::Failure;
use super::args::{Color, Global};

/// How this process speaks.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Columns of text output.
    pub width: usize,
    /// Whether stdout takes colour.
    pub color: bool,
    /// Whether stderr takes colour.
    pub talk_color: bool,
    /// Whether programs read.
    pub json: bool,
}

/// The width where there is no terminal to ask.
const DEFAULT_WIDTH: usize = 100;

impl Output {
    /// From the options and what stdout and stderr are.
    pub fn new(global: &Global) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let color = |is_terminal: bool| match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && !no_color,
        };
        let terminal = terminal_size::terminal_size().map(|(w, _)| usize::from(w.0));
        let columns = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
        let width = global.width.map(usize::from).or(terminal).or(columns);
        Output {
            width: width.unwrap_or(DEFAULT_WIDTH).clamp(40, 400),
            color: color(std::io::stdout().is_terminal()),
            talk_color: color(std::io::stderr().is_terminal()),
            json: global.json,
        }
    }

    /// Prints data. A closed pipe (`| head`) ends the program quietly, as it should.
    pub fn data(&self, text: &str) {
        if put(text).is_err() {
            std::process::exit(i32::from(Exit::Done.code()));
        }
    }

    /// Gives a report to its file, or to stdout where there is none.
    pub fn deliver(&self, file: Option<&Path>, mut bytes: impl Read) -> Result<(), Failure> {
        let Some(path) = file else {
            let copied = std::io::copy(&mut bytes, &mut std::io::stdout().lock());
            if copied.is_err() {
                std::process::exit(i32::from(Exit::Done.code()));
            }
            return Ok(());
        };
        write_file(path, bytes).map_err(|e| Failure::new(Exit::Internal, e))?;
        self.say(&format!("written: {}", path.display()));
        Ok(())
    }

    /// Prints data and goes on when nobody reads it: for commands whose exit code tells more
    /// than their words.
    pub fn data_if_read(&self, text: &str) {
        // Whoever closed the pipe has no use for it.
        let _ = put(text);
    }

    /// Says something to the person at the terminal.
    pub fn say(&self, text: &str) {
        let mut err = std::io::stderr().lock();
        // Nobody is left to tell when stderr is gone.
        let _ = writeln!(err, "{text}");
    }

    /// Shows findings in full on stderr, with a last line that counts them.
    pub fn findings(&self, findings: &Findings, sources: &Sources) {
        if findings.is_empty() {
            return;
        }
        let text = diagnostic::render_text(findings, sources, self.width, self.talk_color);
        self.say(text.trim_end());
        self.say(&format!("\n{}", count_line(findings)));
    }
}

fn put(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// `3 errors, 1 warning`.
pub fn count_line(findings: &Findings) -> String {
    let parts: Vec<String> = [
        (Severity::Error, "error", "errors"),
        (Severity::Warning, "warning", "warnings"),
        (Severity::Advice, "piece of advice", "pieces of advice"),
    ]
    .into_iter()
    .filter_map(|(severity, one, many)| match findings.count(severity) {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {many}")),
    })
    .collect();
    parts.join(", ")
}

/// The form of a report: as asked, else by the ending of the file's name, else `usual` where
/// there is no file. Of several endings of one form, the first is the one that is named.
pub fn form<T: Copy>(
    asked: Option<T>,
    file: Option<&Path>,
    endings: &[(&[&str], T)],
    usual: T,
) -> Result<T, Failure> {
    let Some(file) = file else { return Ok(asked.unwrap_or(usual)) };
    let ending = file.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let by_name = endings.iter().find(|(all, _)| all.contains(&ending)).map(|(_, form)| *form);
    asked.or(by_name).ok_or_else(|| {
        let named: Vec<String> = endings.iter().map(|(all, _)| format!(".{}", all[0])).collect();
        let what = format!(
            "the file's name doesn't say its form; end it with {}, or add --format",
            named.join(", ").replace(", .txt", " or .txt")
        );
        Failure::new(Exit::Usage, what)
    })
}

/// Something written that need not fit in memory, ready to be read from its start.
pub fn spooled(
    write: impl FnOnce(BufWriter<File>) -> Result<BufWriter<File>, Failure>,
) -> Result<File, Failure> {
    let fail = |e: std::io::Error| Failure::new(Exit::Internal, format!("a temporary file: {e}"));
    let written = write(BufWriter::new(tempfile::tempfile().map_err(fail)?))?;
    let mut file = written.into_inner().map_err(|e| fail(e.into_error()))?;
    file.rewind().map_err(fail)?;
    Ok(file)
}

/// Writes a whole file so that a crash leaves the old one or the new one, never half of it.
pub fn write_file(path: &Path, mut bytes: impl Read) -> Result<(), String> {
    let fail = |e: std::io::Error| format!("{}: can't be written: {e}", path.display());
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(fail)?;
    // A temporary file is private by default; a report is for others to read, as far as the
    // umask lets them.
    let readable = std::fs::Permissions::from_mode(0o666);
    let mut file =
        tempfile::Builder::new().permissions(readable).tempfile_in(folder).map_err(fail)?;
    std::io::copy(&mut bytes, &mut file).map_err(fail)?;
    file.as_file().sync_all().map_err(fail)?;
    file.persist(path).map_err(|e| fail(e.error))?;
    Ok(())
}
