//! Runs, through the library's front: what is made, what is paid, and what is never done.

mod crashes;
mod doubt;
mod files;
mod guard;
mod limits;
mod looking;
mod making;
mod money;
mod parked;
mod preparing;
mod schemas;
mod site;
mod stopping;
mod world;
