//! What is mounted where, from `/proc/self/mountinfo`. Only looks.

use std::collections::BTreeMap;

use rustix::fs::CWD;
use serde_json::{Value, json};

use super::{
    super::{
        differ,
        plugin::{PluginError, StateDiff, StatePlugin},
    },
    text::{namespace, read_made_up, shown},
};

const TABLE: &str = "/proc/self/mountinfo";
/// Tens of thousands of mounts.
const LARGEST: usize = 16 << 20;

/// Mounts of this process's namespace. Its state has, by mount point, the mounts there, the uppermost last:
/// `{"/": [{"source", "type", "root", "device", "options", "super_options", "propagation"}]}`. Bytes that are not UTF-8 are
/// written `\xNN`, and a backslash twice. What a desired state names is compared, and nothing changed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mounts;

impl StatePlugin for Mounts {
    fn name(&self) -> &'static str {
        "mounts"
    }

    fn version(&self) -> &'static str {
        "1"
    }

    fn scope(&self) -> String {
        namespace("mnt")
    }

    fn query_current_state(&self) -> Result<Value, PluginError> {
        let table = read_made_up(CWD, TABLE, LARGEST)
            .map_err(|errno| PluginError(format!("cannot read {TABLE}: {errno}; is /proc mounted?")))?;
        parse(&table)
    }

    fn calculate_diff(&self, current: &Value, desired: &Value) -> Result<StateDiff, PluginError> {
        if !desired.is_object() {
            return Err(PluginError::new("expected an object of mount points"));
        }
        Ok(StateDiff::new(self.name(), current, desired, differ::named(current, desired)))
    }
}

fn parse(table: &[u8]) -> Result<Value, PluginError> {
    let mut mounts: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in table.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let (point, mount) =
            mount(line).ok_or_else(|| PluginError(format!("{TABLE} has a strange line: {}", shown(line))))?;
        mounts.entry(point).or_default().push(mount);
    }
    Ok(json!(mounts))
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
fn mount(line: &[u8]) -> Option<(String, Value)> {
    let mut fields = line.split(|byte| *byte == b' ');
    let (_, _) = (fields.next()?, fields.next()?);
    let device = shown(fields.next()?);
    let root = shown(&unescaped(fields.next()?));
    let point = shown(&unescaped(fields.next()?));
    let options = list(fields.next()?);
    let propagation: Vec<String> = fields.by_ref().take_while(|field| *field != b"-").map(shown).collect();
    let kind = shown(&unescaped(fields.next()?));
    let source = shown(&unescaped(fields.next()?));
    // Some file systems have nothing to say here.
    let super_options = fields.next().map(list).unwrap_or_default();
    let mount = json!({
        "device": device,
        "root": root,
        "options": options,
        "propagation": propagation,
        "type": kind,
        "source": source,
        "super_options": super_options,
    });
    Some((point, mount))
}

fn list(field: &[u8]) -> Vec<String> {
    field.split(|byte| *byte == b',').map(|option| shown(&unescaped(option))).collect()
}

/// The kernel writes spaces, tabs, line ends, `#` and backslashes as `\` and three octal digits.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| *first == b'\\').and_then(|digits| {
            digits.iter().try_fold(0_u8, |value, digit| {
                let digit = digit.checked_sub(b'0').filter(|digit| *digit < 8)?;
                value.checked_mul(8)?.checked_add(digit)
            })
        });
        bytes.push(octal.unwrap_or(*first));
        rest = if octal.is_some() { after.get(3..).unwrap_or_default() } else { after };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_optional_fields_and_stacks() {
        let table =
            b"36 35 98:0 /r\\011t /a\\040b\\134040 rw,noatime shared:1 master:2 - ext3 /dev/ro\\043ot rw\n\
            37 35 0:41 / /a\\040b\\134040 ro - tmpfs none \n\
            38 35 0:42 / /\xff\\377 ro - fuse.sshfs me@host:/x rw,user_id=0\n";
        let state = parse(table).unwrap();
        let stacked = state["/a b\\\\040"].as_array().unwrap();
        assert_eq!(stacked.len(), 2);
        assert_eq!(stacked[0]["root"], "/r\tt");
        assert_eq!(stacked[0]["propagation"], json!(["shared:1", "master:2"]));
        assert_eq!(stacked[0]["source"], "/dev/ro#ot");
        assert_eq!(stacked[1]["type"], "tmpfs");
        assert_eq!(state["/\\xff\\xff"][0]["super_options"], json!(["rw", "user_id=0"]));
        assert!(parse(b"36 35 98:0 / /\n").unwrap_err().to_string().contains("strange line"));
    }

    #[test]
    fn octal_digits_that_are_none_stay_as_they_are() {
        assert_eq!(unescaped(b"\\"), b"\\");
        assert_eq!(unescaped(b"\\04"), b"\\04");
        assert_eq!(unescaped(b"\\999\\777\\101"), b"\\999\\777A");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = parse(&bytes);
        }
    }

    #[test]
    fn this_machine_has_a_root_and_proc() {
        let state = Mounts.query_current_state().unwrap();
        assert!(state["/"].as_array().is_some_and(|stack| !stack.is_empty()));
        assert!(state["/proc"].as_array().unwrap().iter().any(|mount| mount["type"] == "proc"));
        assert!(Mounts.scope().starts_with("mnt:["));
    }
}
