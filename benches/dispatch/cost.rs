//! What a process has cost so far, as Linux tells in `/proc`.

use std::time::Duration;

/// Ticks a second in `/proc/PID/stat`: `USER_HZ`, which is 100 on every Linux that people run.
const TICKS: u64 = 100;

/// Time that all processors together worked for a process.
pub fn cpu(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name may hold anything, so fields are counted from its closing bracket: the 14th is
    // user time, the 15th system time.
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|f| f.parse::<u64>().ok());
    Duration::from_millis(ticks.sum::<u64>() * 1000 / TICKS)
}

/// Most memory that was ever resident, in MiB.
pub fn peak_mib(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
