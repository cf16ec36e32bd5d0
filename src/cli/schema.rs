//! `kinora schema`: the JSON Schemas, for editors and programs.

use kinora::exit::Exit;

use super::Outcome;
use super::args::{SchemaArgs, SchemaName};
use super::output::Output;

/// Runs it.
pub fn schema(arguments: &SchemaArgs, output: &Output) -> Outcome {
    output.data(match arguments.name {
        SchemaName::Manifest => include_str!("../../schemas/manifest.schema.json"),
        SchemaName::ModelCard => include_str!("../../schemas/model-card.schema.json"),
        SchemaName::ProviderCard => include_str!("../../schemas/provider-card.schema.json"),
        SchemaName::Channel => include_str!("../../schemas/channel.schema.json"),
        SchemaName::Plan => include_str!("../../schemas/plan.schema.json"),
        SchemaName::PlanFile => include_str!("../../schemas/plan-file.schema.json"),
        SchemaName::Approval => include_str!("../../schemas/approval.schema.json"),
        SchemaName::Report => include_str!("../../schemas/report.schema.json"),
        SchemaName::References => include_str!("../../schemas/references.schema.json"),
        SchemaName::Words => include_str!("../../schemas/words.schema.json"),
        SchemaName::Verify => include_str!("../../schemas/verify.schema.json"),
        SchemaName::Resolve => include_str!("../../schemas/resolve.schema.json"),
        SchemaName::JudgeQuestion => include_str!("../../schemas/judge-question.schema.json"),
        SchemaName::JudgeAnswer => include_str!("../../schemas/judge-answer.schema.json"),
        SchemaName::Events => include_str!("../../schemas/events.schema.json"),
        SchemaName::Outcome => include_str!("../../schemas/outcome.schema.json"),
        SchemaName::Log => include_str!("../../schemas/log.schema.json"),
        SchemaName::LedgerExport => include_str!("../../schemas/ledger-export.schema.json"),
        SchemaName::LedgerVerify => include_str!("../../schemas/ledger-verify.schema.json"),
        SchemaName::Export => include_str!("../../schemas/export.schema.json"),
        SchemaName::ExportShopify => include_str!("../../schemas/export-shopify.schema.json"),
        SchemaName::ExportEvidence => include_str!("../../schemas/export-evidence.schema.json"),
        SchemaName::Sidecar => include_str!("../../schemas/sidecar.schema.json"),
        SchemaName::PriceFile => include_str!("../../schemas/price-file.schema.json"),
        SchemaName::Prices => include_str!("../../schemas/prices.schema.json"),
        SchemaName::PricesRefresh => include_str!("../../schemas/prices-refresh.schema.json"),
        SchemaName::Fetch => include_str!("../../schemas/fetch.schema.json"),
        SchemaName::Bill => include_str!("../../schemas/bill.schema.json"),
    });
    Ok(Exit::Done)
}
