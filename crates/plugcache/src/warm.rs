//! What a host will want next: lazy singletons, warm-up lists, prefetch.
