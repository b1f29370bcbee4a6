//! Configuration of plugins: defaults, overrides and rules, compiled once.
