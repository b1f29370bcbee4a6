//! Linking: from the facts of many files to the classes and functions that are plugins.
//!
//! Each module, name, class and constant is worked out on demand and once; nothing walks over modules that
//! no asked file leads to. So linking one file costs what that file needs, and gives exactly what linking
//! all files gives for it.

mod builtins;
mod classes;
mod deps;
mod dynamic;
mod hash;
mod liveness;
mod modules;
mod names;
mod payload;
mod positions;
mod select;
mod values;
mod world;

pub(super) use self::{
    modules::{Portion, join, module_name, package_portions, plain_module},
    payload::{BaseName, ClassPayload, FunctionPayload, Payload, Stored},
    positions::visible,
    select::link,
    values::literal,
    world::qualname,
};
