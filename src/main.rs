//! The `kinora` program: arguments in, exit code out.

mod cli;

use std::process::ExitCode;

/// Planning makes jobs on one thread and drops them on another, a million times over; the
/// system's allocator spends a third of that time on its locks.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(cli::main().code())
}
