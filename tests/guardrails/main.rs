//! Guardrails, driving the real program: every rule, with each severity, at plan, approval and run.

mod rules;
mod shop;
