//! State of the system as plugins see it: query, diff, apply, verify, checkpoint, rollback.
