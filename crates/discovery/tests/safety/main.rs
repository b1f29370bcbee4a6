//! The safety check: against a corpus of bypasses that truly work, against the original checker, and as a host
//! uses it.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]
#![expect(clippy::print_stdout, reason = "what is left out is said, and how much was compared")]

mod corpus;
mod judging;
mod original;
