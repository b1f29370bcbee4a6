//! Linking: from the facts of many files to the classes and functions that are plugins.
//!
//! Each module, name, class and constant is worked out on demand and once; nothing walks over modules that
//! no asked file leads to. So linking one file costs what that file needs, and gives exactly what linking
//! all files gives for it.

mod abstracts;
mod builtins;
mod classes;
mod decorators;
mod deps;
mod dynamic;
mod hash;
mod keep;
mod liveness;
mod modules;
mod names;
mod others;
mod payload;
mod positions;
mod public;
mod select;
mod targets;
mod texts;
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
