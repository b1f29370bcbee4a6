//! Applying: verified or taken back, and never called a success after an error.

use std::sync::{Arc, Mutex};

use plugcache::{
    Hub,
    state::{Outcome, PluginError, StateError, StateManager, plugins::Mounts},
};
use serde_json::{Value, json};

use crate::tools::{Desk, Faulty, count};

fn desired() -> Value {
    json!({ "files": {
        "a": { "content": "new a", "mode": "0600" },
        "b": null,
        "new/deep/c": { "base64": "AP8=" },
    } })
}

#[test]
fn what_is_applied_is_verified() {
    let desk = Desk::new();
    let planned = desk.manager.plan_only(&desired()).unwrap();
    assert_eq!(planned.plugins[0].outcome, Outcome::Planned);
    assert_eq!(desk.text("a"), "old a");

    let report = desk.manager.apply(&desired()).unwrap();
    let files = &report.plugins[0];
    assert!(report.is_success() && files.errors.is_empty() && files.checkpoint.is_some());
    assert_eq!((files.outcome, &files.diff.actions), (Outcome::Verified, &planned.plugins[0].diff.actions));
    assert_eq!(desk.text("a"), "new a");
    assert!(!desk.place.path().join("managed/b").exists());
    assert_eq!(std::fs::read(desk.place.path().join("managed/new/deep/c")).unwrap(), [0, 255]);

    let again = desk.manager.apply(&desired()).unwrap();
    assert_eq!((again.plugins[0].outcome, &again.plugins[0].checkpoint), (Outcome::Unchanged, &None));
    assert!(again.is_success());
}

type Fault = fn() -> Result<(), PluginError>;

/// op-dbus has verify and rollback turned off, and says `success: true` after errors.
#[test]
fn whatever_goes_wrong_is_taken_back_and_no_success() {
    let fails = || Err(PluginError::new("broken pipe"));
    let faults: [(&str, Fault); 4] = [
        ("apply", fails),
        ("verify", fails),
        ("apply", || panic!("at the disco")),
        ("verify", || panic!("at the disco")),
    ];
    for (method, fault) in faults {
        let desk = Desk::new();
        let before = desk.all();
        desk.seen.before(method, fault);
        let report = desk.manager.apply(&desired()).unwrap();
        assert!(!report.is_success(), "{method}");
        let files = &report.plugins[0];
        assert_eq!(
            (files.outcome, files.errors.len()),
            (Outcome::RolledBack, 1),
            "{method}: {:?}",
            files.errors
        );
        assert!(files.errors[0].contains("broken pipe") || files.errors[0].contains("at the disco"));
        assert_eq!(desk.all(), before, "{method}");
        assert_eq!(count(&desk.seen.rollbacks), 1);
        assert_eq!(desk.manager.query("files").unwrap()["a"]["size"], 5);
    }
}

#[test]
fn a_system_that_is_not_as_desired_after_all_is_taken_back() {
    let desk = Desk::new();
    let before = desk.all();
    let victim = desk.place.path().join("managed/a");
    // Somebody else is at work.
    desk.seen.before("verify", move || {
        std::fs::write(&victim, "other").unwrap();
        Ok(())
    });
    let report = desk.manager.apply(&desired()).unwrap();
    assert_eq!(report.plugins[0].outcome, Outcome::RolledBack);
    assert!(report.plugins[0].errors[0].contains("not as desired"));
    assert_eq!(desk.all(), before);
}

#[test]
fn a_rollback_that_fails_is_told_with_both_errors_and_can_be_done_again() {
    let desk = Desk::new();
    let before = desk.all();
    desk.seen.before("verify", || Err(PluginError::new("first")));
    desk.seen.before("rollback", || Err(PluginError::new("second")));
    let report = desk.manager.apply(&desired()).unwrap();
    let files = &report.plugins[0];
    assert!(!report.is_success());
    assert_eq!(files.outcome, Outcome::RollbackFailed);
    assert!(files.errors[0].contains("first") && files.errors[1].contains("second"), "{:?}", files.errors);
    assert_ne!(desk.all(), before);
    desk.seen.forget_hooks();
    assert_eq!(desk.manager.rollback(files.checkpoint.as_ref().unwrap()).unwrap(), "files");
    assert_eq!(desk.all(), before);
}

#[test]
fn nothing_is_applied_without_a_checkpoint() {
    let desk = Desk::new();
    let before = desk.all();
    desk.seen.before("checkpoint", || Err(PluginError::new("disk full")));
    let report = desk.manager.apply(&desired()).unwrap();
    assert_eq!(report.plugins[0].outcome, Outcome::NotApplied);
    assert!(!report.is_success() && report.plugins[0].errors[0].contains("disk full"));
    assert_eq!(desk.all(), before);
}

#[test]
fn one_plugins_failure_does_not_take_back_anothers_part() {
    let place = tempfile::tempdir().unwrap();
    let directory = |name: &str| {
        let path = place.path().join(name);
        std::fs::create_dir(&path).unwrap();
        path
    };
    let (bad, seen) = Faulty::new("bad", &directory("bad"));
    let (good, _) = Faulty::new("good", &directory("good"));
    seen.before("apply", || Err(PluginError::new("broken pipe")));
    let manager = StateManager::builder().plugin(bad).plugin(good).build(&Hub::in_memory()).unwrap();
    let file = json!({ "x": { "content": "x" } });
    let report = manager.apply(&json!({ "bad": file, "good": file })).unwrap();
    let outcomes: Vec<_> = report.plugins.iter().map(|one| one.outcome).collect();
    assert_eq!(outcomes, [Outcome::RolledBack, Outcome::Verified]);
    assert!(!report.is_success());
    assert!(place.path().join("good/x").exists() && !place.path().join("bad/x").exists());
}

#[test]
fn what_cannot_be_applied_is_refused_before_anything_is() {
    let desk = Desk::new();
    let (plugin, _) = Faulty::new("files", &desk.place.path().join("managed"));
    let manager = StateManager::builder().plugin(plugin).plugin(Mounts).build(&Hub::in_memory()).unwrap();
    let mut document = desired();
    document["mounts"] = json!({});
    let error = manager.apply(&document).unwrap_err();
    assert!(matches!(&error, StateError::ReadOnly { plugin } if plugin == "mounts"), "{error}");
    assert!(manager.plan_only(&document).is_err());
    assert!(manager.diff(&document).unwrap()["mounts"].as_ref().unwrap().actions.is_empty());
    // One part that makes no sense stops all.
    let nonsense = json!({ "files": { "a": { "content": "new" }, "../b": null } });
    assert!(matches!(desk.manager.apply(&nonsense).unwrap_err(), StateError::Diff { .. }));
    assert_eq!(desk.text("a"), "old a");
    assert!(matches!(manager.checkpoint("mounts").unwrap_err(), StateError::ReadOnly { .. }));
}

#[test]
fn one_change_at_a_time_in_a_process_and_between_processes() {
    let desk = Arc::new(Desk::new());
    let said = Arc::new(Mutex::new(Vec::new()));
    let (inner, heard) = (Arc::downgrade(&desk), Arc::clone(&said));
    desk.seen.before("verify", move || {
        let desk = inner.upgrade().unwrap();
        let error = |manager: &StateManager| manager.apply(&desired()).unwrap_err().to_string();
        heard.lock().unwrap().push(error(&desk.manager));
        // As another process would: by the same directory of checkpoints.
        let (plugin, _) = Faulty::new("files", &desk.place.path().join("managed"));
        let other = StateManager::builder().plugin(plugin).checkpoints(desk.place.path().join("checkpoints"));
        heard.lock().unwrap().push(error(&other.build(&Hub::in_memory()).unwrap()));
        Ok(())
    });
    assert!(desk.manager.apply(&desired()).unwrap().is_success());
    let said = said.lock().unwrap();
    assert!(said.len() == 2 && said.iter().all(|text| text.contains("under way")), "{said:?}");
    desk.seen.forget_hooks();
    assert!(desk.manager.apply(&desired()).unwrap().is_success());
}

#[test]
fn operations_are_told_to_who_keeps_a_log() {
    let desk = Desk::new();
    let (plugin, seen) = Faulty::new("files", &desk.place.path().join("managed"));
    let told = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&told);
    let manager = StateManager::builder()
        .plugin(plugin)
        .on_operation(move |plugin, operation, data| {
            ear.lock().unwrap().push(format!("{plugin} {operation} {}", data["outcome"]));
        })
        .build(&Hub::in_memory())
        .unwrap();
    let id = manager.checkpoint("files").unwrap();
    manager.apply(&desired()).unwrap();
    manager.apply(&desired()).unwrap();
    manager.rollback(&id).unwrap();
    seen.before("verify", || Err(PluginError::new("no")));
    manager.apply(&desired()).unwrap();
    let expected = [
        "files checkpoint null",
        "files apply \"verified\"",
        "files rollback null",
        "files apply \"rolled_back\"",
    ];
    assert_eq!(*told.lock().unwrap(), expected);
}
