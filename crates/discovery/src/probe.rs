//! What only running can tell: a module imported in a child process, within limits.
