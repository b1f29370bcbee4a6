//! State plugins for this machine: files of a directory, kernel parameters, mounts, and the network.

mod files;
mod mounts;
#[cfg(feature = "net")]
mod net;
mod sysctl;
mod text;

pub use files::Files;
pub use mounts::Mounts;
#[cfg(feature = "net")]
pub use net::Net;
pub use sysctl::Sysctl;
