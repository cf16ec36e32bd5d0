//! Plan files as they are written and read.
