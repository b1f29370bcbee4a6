//! Kernel parameters: the tree below `/proc/sys`.

use std::path::PathBuf;

use rustix::{
    fd::OwnedFd,
    fs::{Dir, FileType, Mode, OFlags},
    io::Errno,
};
use serde_json::{Map, Value, json};

use super::{
    super::plugin::{Applied, Capabilities, PluginError, StateAction, StateDiff, StatePlugin},
    text::{namespace, read_made_up},
};

/// Largest value, in bytes.
const LARGEST: usize = 64 << 10;
/// Most parameters.
const MOST: usize = 20_000;
/// Deepest directory.
const DEEPEST: usize = 32;
/// Moves with each process that starts: to bring it back means nothing and never holds.
const MOVES: &str = "kernel.ns_last_pid";
/// Two words for one setting: to write one sets the other to 0.
const PARTNERS: [(&str, &str); 3] = [
    ("vm.dirty_bytes", "vm.dirty_ratio"),
    ("vm.dirty_background_bytes", "vm.dirty_background_ratio"),
    ("vm.overcommit_kbytes", "vm.overcommit_ratio"),
];

/// Kernel parameters by name, as `sysctl` writes them: `net.ipv4.ip_forward`, with a dot inside of a name as `/`.
///
/// Its state has `values`, by name, and `skipped`: names of those that cannot be read, with why. A desired
/// state has `values` (texts, numbers, or true and false for 1 and 0); only those that it names are compared,
/// written and brought back. Blanks of any number count as one.
#[derive(Debug, Clone)]
pub struct Sysctl {
    root: PathBuf,
    prefixes: Vec<String>,
}

impl Default for Sysctl {
    fn default() -> Self {
        Self::new()
    }
}

impl Sysctl {
    /// All parameters of this machine.
    pub fn new() -> Self {
        Self { root: "/proc/sys".into(), prefixes: Vec::new() }
    }

    /// Queries those below a prefix (`kernel`, `net.ipv4`) only; several add up. Default: all.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefixes.push(prefix.into());
        self
    }

    /// Another tree than `/proc/sys`.
    #[must_use]
    pub fn root(mut self, root: impl Into<PathBuf>) -> Self {
        self.root = root.into();
        self
    }

    fn open(&self) -> Result<OwnedFd, PluginError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::open(&self.root, flags, Mode::empty())
            .map_err(|errno| PluginError(format!("cannot open {}: {errno}", self.root.display())))
    }

    fn wants(&self, name: &str) -> bool {
        let is_below = |prefix: &String| {
            name.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.prefixes.is_empty() || self.prefixes.iter().any(is_below)
    }

    /// Whether something below a directory may be wanted.
    fn enters(&self, name: &str) -> bool {
        let leads = |prefix: &String| prefix.starts_with(&format!("{name}."));
        self.wants(name) || self.prefixes.iter().any(leads)
    }

    fn walk(&self, state: &mut Walked, fd: &OwnedFd, names: &mut Vec<String>) -> Result<(), PluginError> {
        let failed = |names: &[String], errno| format!("`{}` cannot be listed: {errno}", names.join("."));
        let mut entries = Vec::new();
        for entry in Dir::read_from(fd).map_err(|errno| PluginError(failed(names, errno)))? {
            let entry = entry.map_err(|errno| PluginError(failed(names, errno)))?;
            entries.push((entry.file_name().to_owned(), entry.file_type()));
        }
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (file, kind) in entries {
            let Ok(text) = file.to_str() else { continue };
            if matches!(text, "." | "..") {
                continue;
            }
            names.push(text.replace('.', "/"));
            let name = names.join(".");
            match kind {
                FileType::Directory if names.len() < DEEPEST && self.enters(&name) => {
                    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
                    let below = rustix::fs::openat(fd, file.as_c_str(), flags, Mode::empty());
                    let walked = below
                        .map_err(|errno| PluginError(failed(names, errno)))
                        .and_then(|below| self.walk(state, &below, names));
                    match walked {
                        // Interfaces come and go while their parameters are listed.
                        Err(error) if state.count < MOST => state.skip(name, error.to_string()),
                        other => other?,
                    }
                }
                FileType::RegularFile if self.wants(&name) => state.take(fd, text, name)?,
                _ => {}
            }
            names.pop();
        }
        Ok(())
    }
}

fn read(root: &OwnedFd, name: &str) -> Result<String, PluginError> {
    let failed = |why: String| PluginError(format!("kernel parameter `{name}` cannot be read: {why}"));
    let bytes = read_made_up(root, &path_of(name)?, LARGEST).map_err(|errno| failed(errno.to_string()))?;
    text(bytes).map_err(failed)
}

fn write(root: &OwnedFd, name: &str, value: &str) -> Result<(), PluginError> {
    let failed =
        |errno| PluginError(format!("kernel parameter `{name}` cannot be set to `{value}`: {errno}"));
    let flags = OFlags::WRONLY | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = rustix::fs::openat(root, path_of(name)?, flags, Mode::empty()).map_err(failed)?;
    // The kernel takes a value in one write or not at all.
    let line = format!("{value}\n");
    match rustix::io::write(&file, line.as_bytes()) {
        Ok(written) if written == line.len() => Ok(()),
        Ok(_) => Err(failed(Errno::IO)),
        Err(errno) => Err(failed(errno)),
    }
}

/// What has been found.
#[derive(Default)]
struct Walked {
    values: Map<String, Value>,
    skipped: Map<String, Value>,
    count: usize,
    /// Only those that can be written count.
    is_for_writing: bool,
}

impl Walked {
    fn take(&mut self, fd: &OwnedFd, file: &str, name: String) -> Result<(), PluginError> {
        self.count += 1;
        if self.count > MOST {
            return Err(PluginError(format!(
                "there are more than {MOST} kernel parameters: choose a prefix"
            )));
        }
        let stat = rustix::fs::statat(fd, file, rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
        let mode = stat.map_or(0o666, |stat| stat.st_mode);
        // Asking to read what can only be written would be an error that says less.
        if mode & 0o444 == 0 {
            self.skip(name, "it can only be written".to_owned());
            return Ok(());
        }
        let read = match read_made_up(fd, file, LARGEST) {
            Ok(bytes) => text(bytes),
            Err(Errno::FBIG) => Err(format!("it has more than {LARGEST} bytes")),
            Err(errno) => Err(errno.to_string()),
        };
        match read {
            Ok(_) if self.is_for_writing && mode & 0o222 == 0 => {}
            Ok(value) => drop(self.values.insert(name, value.into())),
            Err(why) => self.skip(name, why),
        }
        Ok(())
    }

    fn skip(&mut self, name: String, why: String) {
        self.skipped.insert(name, why.into());
    }
}

impl StatePlugin for Sysctl {
    fn name(&self) -> &'static str {
        "sysctl"
    }

    fn version(&self) -> &'static str {
        "1"
    }

    fn scope(&self) -> String {
        let namespaces = ["net", "uts", "ipc", "user"].map(namespace).join(" ");
        format!("{} {:?} {namespaces}", self.root.display(), self.prefixes)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::READ_WRITE
    }

    fn query_current_state(&self) -> Result<Value, PluginError> {
        let mut walked = Walked::default();
        self.walk(&mut walked, &self.open()?, &mut Vec::new())?;
        Ok(json!({ "values": walked.values, "skipped": walked.skipped }))
    }

    fn calculate_diff(&self, current: &Value, desired: &Value) -> Result<StateDiff, PluginError> {
        let mut actions = Vec::new();
        for (name, wanted) in wanted(desired)? {
            let one_of = |part: &str| current.get(part)?.get(name)?.as_str();
            let old = one_of("values").ok_or_else(|| match one_of("skipped") {
                Some(why) => PluginError(format!("kernel parameter `{name}` cannot be compared: {why}")),
                None => PluginError(format!(
                    "kernel parameter `{name}` is not there, or not below the prefixes that are queried"
                )),
            })?;
            if !is_same(old, &wanted) {
                let (path, old, new) = (name.to_owned(), old.into(), wanted.into());
                actions.push(StateAction::Modify { path, old, new });
            }
        }
        Ok(StateDiff::new(self.name(), current, desired, actions))
    }

    fn apply_state(&self, diff: &StateDiff) -> Result<Applied, PluginError> {
        let root = self.open()?;
        let mut applied = Applied::default();
        for action in &diff.actions {
            let new = action.new_value().and_then(Value::as_str).unwrap_or_default();
            write(&root, action.path(), new)?;
            applied.changes += 1;
        }
        Ok(applied)
    }

    fn verify_state(&self, desired: &Value) -> Result<bool, PluginError> {
        let root = self.open()?;
        for (name, wanted) in wanted(desired)? {
            if !is_same(&read(&root, name)?, &wanted) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What is about to be written, or all that can be, as it is.
    fn create_checkpoint(&self, diff: Option<&StateDiff>) -> Result<Value, PluginError> {
        let Some(diff) = diff else {
            let mut walked = Walked { is_for_writing: true, ..Walked::default() };
            self.walk(&mut walked, &self.open()?, &mut Vec::new())?;
            walked.values.remove(MOVES);
            return Ok(json!({ "values": walked.values }));
        };
        let root = self.open()?;
        let mut values = Map::new();
        for action in &diff.actions {
            let name = action.path();
            if name != MOVES {
                values.insert(name.to_owned(), read(&root, name)?.into());
            }
            if let Some(partner) = partner(name)
                && let Ok(old) = read(&root, partner)
            {
                values.insert(partner.to_owned(), old.into());
            }
        }
        Ok(json!({ "values": values }))
    }

    fn rollback(&self, checkpoint: &Value) -> Result<(), PluginError> {
        let root = self.open()?;
        let mut problems = Vec::new();
        let values = checkpoint.get("values").and_then(Value::as_object);
        let values = values.ok_or_else(|| PluginError::new("this is no checkpoint of kernel parameters"))?;
        let mut written = Vec::new();
        for (name, old) in values {
            let old = old.as_str().unwrap_or_default();
            // What never changed is not written: to write can mean more than to set.
            if read(&root, name).is_ok_and(|now| is_same(&now, old)) {
                continue;
            }
            // Nor is a 0 that says that the partner holds: to write that one brings it back, and this would undo it.
            let partner = partner(name).and_then(|partner| values.get(partner)?.as_str());
            let is_left = is_same(old, "0") && partner.is_some_and(|partner| !is_same(partner, "0"));
            written.push((name, old, if is_left { Ok(()) } else { write(&root, name, old) }));
        }
        // Only now is it known what holds: one may have changed another.
        for (name, old, done) in written {
            match read(&root, name) {
                Ok(now) if is_same(&now, old) => {}
                Ok(now) => problems.push(done.err().map_or_else(
                    || format!("kernel parameter `{name}` is `{now}` after `{old}` was written"),
                    |error| error.to_string(),
                )),
                Err(error) => problems.push(done.err().unwrap_or(error).to_string()),
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(PluginError(problems.join("; "))) }
    }
}

/// Names and values of a desired state, checked.
fn wanted(desired: &Value) -> Result<Vec<(&str, String)>, PluginError> {
    let expected = "expected {\"values\": {\"kernel.hostname\": TEXT, …}}";
    let members = desired.as_object().ok_or_else(|| PluginError::new(expected))?;
    if let Some(other) = members.keys().find(|key| *key != "values") {
        return Err(PluginError(format!("`{other}` means nothing here; {expected}")));
    }
    let values = members.get("values").and_then(Value::as_object);
    let values = values.ok_or_else(|| PluginError::new(expected))?.iter().map(|(name, value)| {
        path_of(name)?;
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => u8::from(*flag).to_string(),
            _ => return Err(PluginError(format!("`{name}`: expected a text, a number, true or false"))),
        };
        if text.contains(['\n', '\0']) || text.len() > LARGEST {
            return Err(PluginError(format!("`{name}`: expected one line of at most {LARGEST} bytes")));
        }
        Ok((name.as_str(), text))
    });
    values.collect()
}

/// What a parameter says. What is not UTF-8 could not be written back as it was.
fn text(bytes: Vec<u8>) -> Result<String, String> {
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    Ok(text.trim_end_matches('\n').to_owned())
}

/// The path of a parameter below its root. Dots lead down, and a `/` stands for a dot in a name.
fn path_of(name: &str) -> Result<String, PluginError> {
    let path: String = name
        .chars()
        .map(|letter| match letter {
            '.' => '/',
            '/' => '.',
            other => other,
        })
        .collect();
    let is_plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    if path.split('/').all(is_plain) {
        Ok(path)
    } else {
        Err(PluginError(format!(
            "`{}` names no kernel parameter: expected kernel.hostname, say",
            name.escape_debug()
        )))
    }
}

/// The other word for the same setting.
fn partner(name: &str) -> Option<&'static str> {
    PARTNERS.iter().find_map(|(one, other)| match name {
        name if name == *one => Some(*other),
        name if name == *other => Some(*one),
        _ => None,
    })
}

fn is_same(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_down_and_never_up() {
        assert_eq!(path_of("net.ipv4.conf.eth0/1.forwarding").unwrap(), "net/ipv4/conf/eth0.1/forwarding");
        for name in ["", ".", "a..b", "a.//.b", "/", "//", ".a", "a.", "a.\0"] {
            assert!(path_of(name).is_err(), "{name}");
        }
        assert!(is_same("4096\t131072  6291456", "4096 131072 6291456"));
    }

    #[test]
    fn prefixes_are_of_whole_names() {
        let some = Sysctl::new().prefix("net.ipv4").prefix("kernel");
        assert!(some.enters("net") && some.wants("net.ipv4.ip_forward") && some.wants("kernel"));
        assert!(!some.wants("net.ipv6.x") && !some.enters("vm") && !some.wants("kernel_x"));
    }
}
