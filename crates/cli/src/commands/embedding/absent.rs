//! The commands about embeddings, in a program that was built without them.

use plugcache::cache::fs::Extent;

use super::{
    Outcome,
    cache::{CheckedModel, Models},
};
use crate::{
    args::{Embed, Similar, Warm},
    output::{Failure, Output},
};

pub(super) fn embed(_: &Embed, _: &Output) -> Result<Outcome, Failure> {
    Err(absent())
}

pub(super) fn similar(_: &Similar, _: &Output) -> Result<Outcome, Failure> {
    Err(absent())
}

pub(super) fn warm(_: &Warm, _: &Output) -> Result<Outcome, Failure> {
    Err(absent())
}

/// Nothing is known of models here, so nothing is said of them.
#[expect(clippy::unnecessary_wraps, reason = "with embeddings it can fail")]
pub(super) fn verify(_: &Models, _: bool) -> Result<Vec<CheckedModel>, Failure> {
    Ok(Vec::new())
}

#[expect(clippy::unnecessary_wraps, reason = "with embeddings it can fail")]
pub(super) fn prune(_: &Models, _: bool) -> Result<Extent, Failure> {
    Ok(Extent::default())
}

pub(super) fn clear(_: &Models, _: bool) -> Result<usize, Failure> {
    Err(absent())
}

fn absent() -> Failure {
    "this plugcache was built without embeddings, which take minutes to build; \
     build it with `cargo build --release -p plugcache-cli --features embedding`"
        .into()
}
