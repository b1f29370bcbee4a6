//! How caches fail, one module a family of faults. `docs/faults.md` says which and with what figures.
//!
//! Each test prints a line of figures with its seed; `PLUGCACHE_SEED` repeats it, `PLUGCACHE_LONG` makes it long.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]
#![expect(clippy::unnecessary_wraps, reason = "loaders may fail")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "seeds, figures and what was skipped")]

mod damage;
mod forks;
mod inputs;
mod kills;
mod loaders;
mod names;
mod processes;
mod sizes;
mod storages;
mod times;
mod tools;

/// What the children do; not a test of its own.
#[test]
#[ignore = "run as a child process by the tests"]
fn child() {
    let (role, place) = tools::role();
    match role.as_str() {
        "save for ever" => kills::save_for_ever(&place),
        "save a little" => kills::save_a_little(&place),
        "hold a key" => kills::hold_a_key(&place),
        "write for ever" => kills::write_for_ever(&place),
        "damage" => damage::child(&place),
        "fork" => forks::child(&place),
        "side by side" => processes::side_by_side(&place),
        "load once" => processes::load_once(&place),
        "ask as another user" => storages::ask_as_another_user(&place),
        role => panic!("unknown role {role}"),
    }
}
