//! The types and variables of the op-dbus caching document, with their shapes.
