//! Deterministic simulation: whole runs in worlds that are drawn from a seed, with crashes,
//! faults and doubt at every boundary, judged by the providers' own bills.

mod books;
mod check;
mod dice;
mod disk;
mod driver;
mod life;
mod mutants;
mod site;
mod store;
mod story;
mod world;
