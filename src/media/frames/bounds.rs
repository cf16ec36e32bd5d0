//! The child limits itself, before it reads a byte of the clip.
//!
//! What never lives here: the limits that the parent holds it to (the clock, the answer's length).

use super::Bounds;

/// Limits this process: memory, processor time, so many bytes of each file written, no image of it
/// kept when it dies. What it starts in its place inherits them.
///
/// # Errors
/// The system refuses.
#[cfg(unix)]
pub fn limit_this_process(bounds: &Bounds, written: u64) -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = |resource: Resource, soft: u64, hard: u64| {
        // What the process may not exceed already, it may not be given.
        let most = getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let new = Rlimit { current: Some(soft.min(most)), maximum: Some(hard.min(most)) };
        setrlimit(resource, new).map_err(std::io::Error::from)
    };
    let (memory, seconds) = (bounds.memory, bounds.cpu_seconds);
    limit(Resource::Core, 0, 0)?;
    limit(Resource::Fsize, written, written)?;
    // At the first it is told, at the second it is killed.
    limit(Resource::Cpu, seconds, seconds.saturating_add(1))?;
    limit(Resource::Data, memory, memory)?;
    // Apple's systems take it for something else, and OpenBSD has none.
    #[cfg(not(any(target_vendor = "apple", target_os = "openbsd")))]
    limit(Resource::As, memory, memory)?;
    Ok(())
}

/// There is nothing to limit itself by: the parent's clock remains.
#[cfg(not(unix))]
pub fn limit_this_process(_: &Bounds, _: u64) -> std::io::Result<()> {
    Ok(())
}
