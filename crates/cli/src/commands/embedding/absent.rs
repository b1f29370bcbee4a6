//! The commands about embeddings, in a program that was built without them.

use super::Outcome;
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

fn absent() -> Failure {
    "this plugcache was built without embeddings, which take minutes to build; \
     build it with `cargo build --release -p plugcache-cli --features embedding`"
        .into()
}
