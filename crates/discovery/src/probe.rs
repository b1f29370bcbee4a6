//! What only running can tell: a module imported in a child process, within limits.
//!
//! The index reads sources; classes that are made at run time it reports as *dynamic*. A host that wants to know
//! them anyway asks a [`Probe`], which imports the module in a process of its own and says which classes it
//! defines. Nothing else in this crate runs a plugin's code, and this does only when it is asked.
//!
//! **The child is limited, not jailed.** Time, memory, processor time and output are bounded, it has no standard
//! input and next to no environment, and where the system allows it no network and no way to leave processes
//! behind; [`Probed::network`] says whether that was so. It runs as the user who asks and can read and write what he
//! can. A module that wants to lie about its classes can; one that only prints cannot be mistaken for an answer.
//!
//! Answers are kept like any other value: a cache `probe` in the host's hub, good as long as the module's file,
//! all files that it imported, and the interpreter are what they were. A module that crashes, takes too long or
//! cannot be imported is [`Quarantined`](Outcome::Quarantined) with its reason, and tried again when something
//! changes that it depends on. That hides no other module.

mod answer;
mod builder;
mod load;
mod run;

pub use answer::{Class, Failure, Network, Outcome, ProbeError, Probed, Quarantine, Retry};
pub use builder::Builder;
pub use load::{Probe, Target};
