//! Manifests of plugins, kept for a while and dropped when the plugin's files change.
