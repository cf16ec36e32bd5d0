//! Guardrails, driving the real program: every rule, with each severity, at plan, approval and run.

mod people;
mod rules;
mod shop;
mod told;
