//! What was made, for programs.

use super::model::RunReport;

/// The report as indented JSON with a last line break. The same report gives the same bytes.
pub fn run_json(report: &RunReport) -> serde_json::Result<String> {
    serde_json::to_string_pretty(report).map(|text| text + "\n")
}

/// The JSON Schema of [`run_json`].
pub fn run_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(RunReport);
    schema.insert("title".to_owned(), "Kinora report".into());
    schema.to_value()
}
