//! `plugcache embed`, `plugcache similar`, `plugcache cache warm --model`: texts as vectors.

mod bar;
mod embed;
mod open;
mod similar;
mod warm;

pub(super) use embed::run as embed;
pub(super) use similar::run as similar;
pub(super) use warm::run as warm;

use super::Outcome;
