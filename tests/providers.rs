//! The HTTP driver against a server on this machine that misbehaves.

#[path = "providers/beside.rs"]
mod beside;
#[path = "providers/fetching.rs"]
mod fetching;
#[path = "providers/handing_over.rs"]
mod handing_over;
#[path = "providers/secrets.rs"]
mod secrets;
#[path = "providers/server.rs"]
mod server;
#[path = "providers/submitting.rs"]
mod submitting;
#[path = "providers/watching.rs"]
mod watching;
#[path = "providers/wire.rs"]
mod wire;
#[path = "providers/world.rs"]
mod world;
