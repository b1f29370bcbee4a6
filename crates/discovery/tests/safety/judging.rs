//! Judging as a host does it.
