//! What files are to be, read strictly: a word too many is an error, not a wish that is never fulfilled.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use serde_json::{Map, Value, json};

use super::super::super::plugin::PluginError;

/// What is wanted at a path.
pub(super) enum Wanted {
    File(File),
    Absent,
}

/// A file as it is to be.
pub(super) struct File {
    pub(super) bytes: Vec<u8>,
    /// `None`: as it is, and 0644 for a new one.
    pub(super) mode: Option<u32>,
}

/// Files by path. Two that cannot both be there are an error.
pub(super) fn read(desired: &Value) -> Result<BTreeMap<&str, Wanted>, PluginError> {
    let members = desired.as_object().ok_or_else(|| {
        PluginError::new("expected {PATH: {\"content\": TEXT}, …}, null for a file that is not to be there")
    })?;
    let mut files = BTreeMap::new();
    for (path, value) in members {
        components(path)?;
        let wanted = if value.is_null() { Wanted::Absent } else { Wanted::File(File::read(path, value)?) };
        files.insert(path.as_str(), wanted);
    }
    let is_file = |path: &str| matches!(files.get(path), Some(Wanted::File(_)));
    for path in files.keys().filter(|path| is_file(path)) {
        let mut above = path.match_indices('/').map(|(end, _)| path.split_at(end).0);
        if let Some(other) = above.find(|above| is_file(above)) {
            return Err(PluginError(format!(
                "`{other}` cannot be both a file and the directory of `{path}`"
            )));
        }
    }
    Ok(files)
}

/// The names that a path leads through. Refuses whatever might lead out of the directory.
pub(super) fn components(path: &str) -> Result<Vec<&str>, PluginError> {
    let names: Vec<&str> = path.split('/').collect();
    let is_plain =
        |name: &&str| !matches!(*name, "" | "." | "..") && !name.contains('\0') && name.len() <= 255;
    if path.len() > 4000 || !names.iter().all(is_plain) {
        return Err(PluginError(format!(
            "`{}` is no path below the managed directory: expected names of at most 255 bytes joined with `/`, without `.` and `..`",
            path.escape_debug()
        )));
    }
    if names.iter().any(|name| super::tree::is_temporary(name.as_bytes())) {
        return Err(PluginError(format!("`{path}`: such names are for files that are being written")));
    }
    Ok(names)
}

impl File {
    pub(super) fn read(path: &str, value: &Value) -> Result<Self, PluginError> {
        let wrong = |what: &str| PluginError(format!("`{path}`: {what}"));
        let expected =
            "expected {\"content\": TEXT} or {\"base64\": BYTES}, with or without \"mode\": \"0644\"";
        let members = value.as_object().ok_or_else(|| wrong(expected))?;
        if let Some(other) = members.keys().find(|key| !matches!(key.as_str(), "content" | "base64" | "mode"))
        {
            return Err(wrong(&format!("`{other}` means nothing here; {expected}")));
        }
        let bytes = match (members.get("content"), members.get("base64")) {
            (Some(Value::String(text)), None) => text.clone().into_bytes(),
            (None, Some(Value::String(text))) => BASE64
                .decode(text.as_bytes())
                .map_err(|_| wrong("its `base64` is none: expected padding and no spaces"))?,
            _ => return Err(wrong(expected)),
        };
        let mode = members.get("mode").map(|mode| {
            let octal = mode.as_str().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            let octal = octal.and_then(|text| u32::from_str_radix(text, 8).ok());
            octal.filter(|mode| *mode <= 0o777).ok_or_else(|| {
                wrong(&format!(
                    "mode {mode} is none: expected a text of octal digits such as \"0644\", up to \"0777\""
                ))
            })
        });
        Ok(Self { bytes, mode: mode.transpose()? })
    }

    /// As it is written in documents: text if it is text.
    pub(super) fn to_json(&self) -> Value {
        let mut members = Map::new();
        match str::from_utf8(&self.bytes) {
            Ok(text) => members.insert("content".to_owned(), text.into()),
            Err(_) => members.insert("base64".to_owned(), BASE64.encode(&self.bytes).into()),
        };
        if let Some(mode) = self.mode {
            members.insert("mode".to_owned(), mode_text(mode).into());
        }
        json!(members)
    }
}

/// `0644`.
pub(super) fn mode_text(mode: u32) -> String {
    format!("{mode:04o}")
}
