//! The index: one immutable file a (roots, finder, version), mapped and believed only as far as its
//! checksums and the files' stamps prove it.

mod format;
mod image;
pub mod maintenance;
mod open;
mod patch;
mod places;
mod records;
mod report;
mod session;
mod table;
mod validate;

pub use open::{Candidate, Evidence, Index};
pub use places::Places;
pub use report::{Report, Stale};
pub use session::{Location, Session, Snapshot};
