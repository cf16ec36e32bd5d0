//! Fuzz targets: see `targets`.

pub mod targets;

/// Panics are told and no more: the fuzzer's own hook would end the process for those, too, that
/// the program expects of a decoder and catches. One that nobody catches still ends it.
pub fn tell_of_panics() {
    std::panic::set_hook(Box::new(|info| eprintln!("{info}")));
}
