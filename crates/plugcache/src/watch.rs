//! Roots watched by the operating system, so that an answer needs no look at files.
