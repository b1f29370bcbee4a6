//! Plugin-local data: durable, never touched by `clear`.
