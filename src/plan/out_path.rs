//! Where a clip goes: a path inside the workspace, safe on every file system that matters.
//!
//! What lives here: the check of one path. What never does: making folders, finding two jobs
//! with the same path (that is the walk over all jobs).

/// Most bytes of one part; file systems refuse longer ones, and the clip's companions (poster,
/// provenance) add an ending of their own.
const PART_BYTES: usize = 240;

/// Whether a path may be written to.
///
/// # Errors
/// What is wrong with it, for people.
pub(super) fn check(path: &str) -> Result<(), &'static str> {
    if path.is_empty() {
        return Err("it is empty");
    }
    if path.starts_with('/') || path.contains('\\') || path.as_bytes().get(1) == Some(&b':') {
        return Err("it must be relative to the workspace, with `/` between its parts");
    }
    if path.chars().any(char::is_control) {
        return Err("it holds a line break or another control character");
    }
    for part in path.split('/') {
        match part {
            "" => return Err("a part of it is empty"),
            "." | ".." => return Err("`.` and `..` are not allowed in it"),
            ".kinora" => return Err("`.kinora` is where the ledger lives"),
            _ if part.len() > PART_BYTES => return Err("a part of it is above 240 bytes"),
            _ => {}
        }
    }
    let ending = path.len().checked_sub(4).and_then(|at| path.get(at..));
    if !ending.is_some_and(|ending| ending.eq_ignore_ascii_case(".mp4")) {
        return Err("it must end in `.mp4`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_stays_inside_the_workspace() {
        assert_eq!(check("clips/mug/turn-0a1b2c.mp4"), Ok(()));
        for path in [
            "",
            "/etc/x.mp4",
            "C:/x.mp4",
            "a\\b.mp4",
            "../x.mp4",
            "a//b.mp4",
            "a/\n.mp4",
            ".kinora/x.mp4",
            "a/b.mov",
            "mp4",
        ] {
            assert!(check(path).is_err(), "{path}");
        }
    }
}
