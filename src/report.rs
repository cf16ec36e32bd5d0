//! Reports: one model, many writers (text, JSON, CSV, Markdown, HTML).
//!
//! What never lives here: deciding anything; a report shows what planning and running found.
