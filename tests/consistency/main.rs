//! Whether clips still show what their references show, on small drawn products: what a camera,
//! light and hands do passes, and what makes another product does not.

mod clips;
mod drift;
mod honest;
mod hostile;
mod roles;
