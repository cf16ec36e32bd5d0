//! Fetching: pictures from their URLs into the cache, and what they are into the lock file.
//!
//! What lives here: which URLs may be asked and at which addresses, downloads that go on where they
//! broke, how much is fetched at once and from whom, the folder that keeps what came. What never
//! does: which pictures are wanted (plans know), what is printed.

mod client;
mod crew;
mod download;
mod filling;
mod guard;
mod problem;
mod sniff;
mod store;

pub use crew::{Bound, Fetched, Progress, Setup, SetupProblem, Wanted, fetch_all};
pub use problem::Problem;
pub use store::{Pruned, Store, StoreProblem};
