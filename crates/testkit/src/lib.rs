//! What tests of several crates need: trees of plugins with everything odd in them, seeded mutations of
//! such trees, a clock that a test moves, a storage that fails, an ear for warnings, and a count
//! of allocations.
//!
//! Only tests depend on this crate. It uses `std::fs` directly: a test has to disturb files in ways that
//! the product's own file access does not offer.

pub mod allocations;
pub mod clock;
pub mod faulty;
pub mod mutate;
pub mod naive;
pub mod random;
pub mod tree;
pub mod warnings;

pub use allocations::Allocations;
pub use clock::ManualClock;
pub use faulty::{Fault, FaultyStorage};
pub use mutate::{Action, Mutation, Mutator};
pub use random::Random;
pub use tree::{PluginTree, TreeBuilder};
pub use warnings::Warnings;
