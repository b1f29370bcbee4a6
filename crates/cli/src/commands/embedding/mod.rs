//! `plugcache embed`, `plugcache similar`, `plugcache cache warm --model`: texts as vectors; and what other commands have to do with
//! models.

mod bar;
mod embed;
mod open;
mod similar;
mod upkeep;
mod warm;

pub(super) use embed::run as embed;
pub(super) use similar::run as similar;
pub(super) use upkeep::{clear, prune, verify};
pub(super) use warm::run as warm;

use super::Outcome;
