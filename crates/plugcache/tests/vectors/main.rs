//! Vectors of texts: computed once, kept apart, healed, rounded the same everywhere.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]
#![expect(clippy::cast_precision_loss, reason = "the numbers of these tests are small")]

mod bounds;
mod figures;
mod keeping;
mod sharing;

use std::{convert::Infallible, path::Path, sync::Arc};

use plugcache::{
    Hub,
    embedding::{Vectors, VectorsBuilder},
};
use plugcache_testkit::Allocations;

#[global_allocator]
static COUNTING: Allocations = Allocations;

fn on_disk(path: &Path) -> Hub {
    Hub::builder().directory(path).build().unwrap()
}

fn build(hub: &Hub, describe: impl FnOnce(VectorsBuilder) -> VectorsBuilder) -> Vectors {
    describe(Vectors::builder("model")).build(hub).unwrap()
}

/// The vector of a text, computed as this one if it is not kept.
fn embed(vectors: &Vectors, text: &str, vector: &[f32]) -> Arc<Vec<f32>> {
    vectors.get_or_embed(text, |_| Ok::<_, Infallible>(vector.to_vec())).unwrap()
}
