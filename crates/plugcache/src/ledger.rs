//! What plugins did: an append-only log of blocks, each with the hash of the one before.
