//! The engine below plugcache: evidence, freshness, safe files. It has never heard of a plugin.
