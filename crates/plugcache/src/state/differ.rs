//! What is different between two JSON values, as actions. Objects are compared member by member; anything
//! else, lists too, as a whole, because nothing tells which items of two lists are the same one.

use serde_json::Value;

use super::plugin::StateAction;

/// All differences: members that `desired` does not have are deleted.
pub fn between(current: &Value, desired: &Value) -> Vec<StateAction> {
    Differ { is_partial: false, actions: Vec::new() }.run(current, desired)
}

/// Differences in what `desired` names: members that it does not have are left alone, and one that is `null`
/// is not to be there.
pub fn named(current: &Value, desired: &Value) -> Vec<StateAction> {
    Differ { is_partial: true, actions: Vec::new() }.run(current, desired)
}

struct Differ {
    is_partial: bool,
    actions: Vec<StateAction>,
}

impl Differ {
    fn run(mut self, current: &Value, desired: &Value) -> Vec<StateAction> {
        self.compare(&mut String::new(), current, desired);
        self.actions
    }

    fn compare(&mut self, path: &mut String, current: &Value, desired: &Value) {
        let (Value::Object(old), Value::Object(new)) = (current, desired) else {
            if current != desired {
                let (path, old, new) = (path.clone(), current.clone(), desired.clone());
                self.actions.push(StateAction::Modify { path, old, new });
            }
            return;
        };
        for (key, new) in new {
            let is_unwanted = self.is_partial && new.is_null();
            at(path, key, |path| match old.get(key) {
                Some(old) if is_unwanted => self.delete(path, old),
                None if is_unwanted => {}
                Some(old) => self.compare(path, old, new),
                None => {
                    self.actions.push(StateAction::Create { path: path.clone(), new: new.clone() });
                }
            });
        }
        if !self.is_partial {
            for (key, old) in old.iter().filter(|(key, _)| !new.contains_key(*key)) {
                at(path, key, |path| self.delete(path, old));
            }
        }
    }

    fn delete(&mut self, path: &str, old: &Value) {
        self.actions.push(StateAction::Delete { path: path.to_owned(), old: old.clone() });
    }
}

/// Goes one step down a JSON pointer (RFC 6901), and back.
fn at(path: &mut String, key: &str, inside: impl FnOnce(&mut String)) {
    let length = path.len();
    path.push('/');
    path.push_str(&key.replace('~', "~0").replace('/', "~1"));
    inside(path);
    path.truncate(length);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_created_modified_and_deleted_where_they_are() {
        let current = json!({ "a": 1, "b": { "x/y": [1, 2], "~": 1 } });
        let desired = json!({ "b": { "x/y": [2, 1], "~": 1, "new": true } });
        let actions = between(&current, &desired);
        let paths: Vec<_> = actions.iter().map(StateAction::path).collect();
        assert_eq!(paths, ["/b/new", "/b/x~1y", "/a"]);
        assert!(matches!(&actions[2], StateAction::Delete { old, .. } if *old == json!(1)));
        let paths: Vec<_> = named(&current, &desired).iter().map(|one| one.path().to_owned()).collect();
        assert_eq!(paths, ["/b/new", "/b/x~1y"]);
        let removed = named(&current, &json!({ "a": null, "ghost": null }));
        assert!(matches!(&removed[..], [StateAction::Delete { path, .. }] if path == "/a"));
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf =
            prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), (0..3).prop_map(Value::from)];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let objects = proptest::collection::btree_map("[ab/~]{0,2}", inner.clone(), 0..4);
            let objects = objects.prop_map(|members| Value::Object(members.into_iter().collect()));
            prop_oneof![proptest::collection::vec(inner, 0..3).prop_map(Value::from), objects]
        })
    }

    /// Does what the actions say, the way a reader of JSON pointers would.
    fn carry_out(mut value: Value, actions: &[StateAction]) -> Value {
        for action in actions {
            let Some((parent, key)) = action.path().rsplit_once('/') else {
                value = action.new_value().cloned().unwrap_or_default();
                continue;
            };
            let key = key.replace("~1", "/").replace("~0", "~");
            let members = value.pointer_mut(parent).unwrap().as_object_mut().unwrap();
            match action.new_value() {
                Some(new) => members.insert(key, new.clone()),
                None => members.remove(&key),
            };
        }
        value
    }

    proptest! {
        #[test]
        fn actions_lead_from_one_to_the_other(current in values(), desired in values()) {
            let actions = between(&current, &desired);
            prop_assert_eq!(actions.is_empty(), current == desired);
            prop_assert_eq!(carry_out(current, &actions), desired);
        }
    }
}
