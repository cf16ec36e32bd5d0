//! `kinora check --references`, driving the real program: every finding with a picture that must
//! have it and one that must not.

mod alone;
mod program;
mod sent;
mod studio;
mod together;
