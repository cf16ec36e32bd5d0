//! Bad rows of feeds, written to their files.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use kinora::diagnostic::Finding;
use kinora::manifest::Rejects;
use kinora::report::{count, is_rejects_csv, rejects_csv};

use super::output::{Output, write_file};

/// Longer than the first line of a rejects file.
const HEAD: u64 = 1024;

/// Writes the bad rows of each feed to its file; where a feed has none, an earlier file goes.
/// Gives what could not be done.
pub fn write_rejects(all: &[Rejects], output: &Output) -> Vec<Finding> {
    all.iter().filter_map(|rejects| write(rejects, output).err().map(|finding| *finding)).collect()
}

fn write(rejects: &Rejects, output: &Output) -> Result<(), Box<Finding>> {
    let path = &rejects.path;
    match whose(path) {
        Ok(Whose::Nobodys | Whose::Ours) if rejects.bad > 0 => {
            let text = rejects_csv(rejects);
            write_file(path, &text[..]).map_err(|why| kept_nowhere(rejects, &why))?;
            // Where the set goes on without them, a warning says so, with the file.
            if !rejects.allowed {
                let rows = count(rejects.bad, "bad row");
                output.say(&format!("kinora: {rows} of `{}`: {}", rejects.set, rejects.shown));
            }
            Ok(())
        }
        Ok(Whose::Ours) => {
            std::fs::remove_file(path).map_err(|e| kept_nowhere(rejects, &e.to_string()))
        }
        Ok(Whose::Nobodys) => Ok(()),
        // Without bad rows, nothing would be written to it.
        Ok(Whose::Anothers) | Err(_) if rejects.bad == 0 => Ok(()),
        Ok(Whose::Anothers) => Err(Box::new(Finding::error(
            "feed::rejects",
            format!(
                "`{}` is there and no rejects file; the bad rows of `{}` are not written over it",
                rejects.shown, rejects.set
            ),
        )
        .help("give `bad_rows` another `file`"))),
        Err(why) => Err(kept_nowhere(rejects, &why.to_string())),
    }
}

fn kept_nowhere(rejects: &Rejects, why: &str) -> Box<Finding> {
    let message =
        format!("the bad rows of `{}` can't be written to `{}`", rejects.set, rejects.shown);
    Box::new(Finding::warning("feed::rejects", format!("{message}: {why}")))
}

/// Who wrote a file.
enum Whose {
    Nobodys,
    Ours,
    Anothers,
}

fn whose(path: &Path) -> std::io::Result<Whose> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Whose::Nobodys),
        Err(error) => return Err(error),
    };
    let mut head = Vec::new();
    file.take(HEAD).read_to_end(&mut head)?;
    Ok(if is_rejects_csv(&head) { Whose::Ours } else { Whose::Anothers })
}
