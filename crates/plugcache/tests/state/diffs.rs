//! Diffs: worked out once for two states, whatever the order of their keys.

use plugcache::state::{PluginError, StateAction};
use serde_json::{Value, json};

use crate::tools::{Desk, count};

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_same_two_states_are_compared_once_in_a_minute() {
    let desk = Desk::new();
    let one = read(r#"{"files": {"a": {"content": "new", "mode": "0600"}, "c": null}}"#);
    let other =
        read(r#"{"version": 1, "plugins": {"files": {"c": null, "a": {"mode": "0600", "content": "new"}}}}"#);
    let diff = |document: &Value| {
        let mut diffs = desk.manager.diff(document).unwrap();
        diffs.remove("files").unwrap().unwrap()
    };
    let first = diff(&one);
    assert_eq!(first.metadata.timestamp, 1_700_000_000);
    assert_eq!(first.metadata.desired_hash.len(), 64);
    assert!(matches!(&first.actions[..], [StateAction::Modify { path, .. }] if path == "a"));
    desk.pass(30);
    // The state has been asked for again, and is the same: so is the diff, and the time of its making.
    assert_eq!(diff(&other), first);
    assert_eq!((count(&desk.seen.queries), count(&desk.seen.diffs)), (2, 1));
    desk.pass(31);
    assert_eq!(diff(&one).metadata.timestamp, 1_700_000_061);
    assert_eq!(count(&desk.seen.diffs), 2);
    // Another state on either side is another diff.
    diff(&json!({ "files": { "a": { "content": "newer" } } }));
    std::fs::write(desk.place.path().join("managed/a"), "new").unwrap();
    desk.pass(6);
    assert_eq!(diff(&one).actions.len(), 1, "the mode is another one still");
    assert_eq!(count(&desk.seen.diffs), 4);
    let stats = &desk.hub.stats()["diffs"];
    assert_eq!(stats.capacity, Some(100));
    assert_eq!(stats.hits(), 1);
}

#[test]
fn a_diff_that_fails_says_why_and_is_tried_again() {
    let desk = Desk::new();
    let desired = json!({ "files": { "a": { "content": "new" } } });
    desk.seen.before("diff", || Err(PluginError::new("not today")));
    let said = desk.manager.diff(&desired).unwrap()["files"].as_ref().unwrap_err().to_string();
    assert!(said.contains("`files`") && said.contains("not today"), "{said}");
    desk.seen.forget_hooks();
    desk.seen.before("diff", || panic!("at the disco"));
    let said = desk.manager.diff(&desired).unwrap()["files"].as_ref().unwrap_err().to_string();
    assert!(said.contains("at the disco"), "{said}");
    desk.seen.forget_hooks();
    assert!(desk.manager.diff(&desired).unwrap()["files"].is_ok());
}

#[test]
fn a_document_that_makes_no_sense_is_refused_before_anything_runs() {
    let desk = Desk::new();
    for (document, part) in [
        (json!([]), "it is no object"),
        (json!({ "plugins": [] }), "`plugins` is no object"),
        (json!({ "plugins": {}, "files": {} }), "`files` stands beside"),
        (json!({ "files": {}, "flies": {} }), "no state plugin is named `flies`"),
    ] {
        let said = desk.manager.diff(&document).unwrap_err().to_string();
        assert!(said.contains(part), "{said}");
        assert!(desk.manager.apply(&document).unwrap_err().to_string().contains(part));
    }
    assert_eq!(count(&desk.seen.queries), 0);
    assert!(desk.manager.apply(&json!({})).unwrap().is_success());
}
