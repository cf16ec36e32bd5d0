//! Every input that the fuzzers kept, read again by today's program: what once was found stays
//! mended. `fuzz/README.md` tells how the corpus is made.

#[path = "../fuzz/src/targets.rs"]
mod targets;

use std::path::Path;

#[test]
fn what_the_fuzzers_kept_is_read_without_harm() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, read) in targets::TARGETS {
        let files = std::fs::read_dir(corpus.join(name)).expect("each target has a corpus");
        let mut files: Vec<_> = files.map(|entry| entry.expect("an entry").path()).collect();
        files.sort();
        assert!(!files.is_empty(), "{name} has an empty corpus");
        for file in files {
            let bytes = std::fs::read(&file).expect("a kept input");
            // The name is printed where the reading ends in a panic.
            println!("{}", file.display());
            read(&bytes);
        }
    }
    targets::clean();
}
