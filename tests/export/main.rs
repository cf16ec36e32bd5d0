//! Exports, by the program itself: what was made, for shops, feeds and the record.

mod checked;
mod evidence;
#[path = "../road/played.rs"]
#[allow(dead_code, reason = "another theme plays providers by it too")]
mod played;
mod results;
mod schemas;
mod sheets;
mod shop;
mod shops;
#[path = "../road/workspace.rs"]
#[allow(dead_code, reason = "another theme drives the program by it too, and uses more of it")]
mod workspace;
