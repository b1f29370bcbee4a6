//! Calls whose result is fixed by their constant arguments: methods of strings, `re.escape`, and calls
//! that are kept as they stand.

use super::{Folded, Folder, MAX_SIZE, Unknown, dotted, format, unknown};
use crate::{
    python::{
        doc::is_space,
        facts::{Call, Expr},
    },
    value::Value,
};

/// Positional arguments, then those with a name.
type Arguments = (Vec<Value>, Vec<(String, Value)>);

impl Folder<'_> {
    pub(super) fn call(&mut self, call: &Call) -> Folded {
        let name = dotted(&call.function);
        if let Some(name) = &name {
            if self.scope.keeps_call(name) {
                let (arguments, keywords) = self.arguments(call)?;
                return Ok(Value::Call { function: name.clone(), arguments, keywords });
            }
            if name == "re.escape" {
                return match &*self.arguments(call)?.0 {
                    [Value::Str(text)] if call.keywords.is_empty() => Ok(Value::Str(escape(text))),
                    _ => unknown("calls re.escape() with what is not a string"),
                };
            }
        }
        let called = || match &name {
            Some(name) => Unknown::new(std::format!("calls {name}()")),
            None => Unknown::new("calls a function"),
        };
        let Expr::Attribute(object, method) = &call.function else { return Err(called()) };
        match self.fold(object) {
            Ok(Value::Str(text)) => {
                let (arguments, keywords) = self.arguments(call)?;
                method_of_str(&text, method, &arguments, &keywords)
            }
            _ => Err(called()),
        }
    }

    fn arguments(&mut self, call: &Call) -> Result<Arguments, Unknown> {
        let arguments = self.elements(&call.arguments)?;
        let mut keywords = Vec::with_capacity(call.keywords.len());
        for (name, value) in &call.keywords {
            let value = self.fold(value)?;
            match (name, value) {
                (Some(name), value) => keywords.push((name.clone(), value)),
                (None, Value::Dict(pairs)) => {
                    for (name, value) in pairs {
                        let Value::Str(name) = name else {
                            return unknown("passes a keyword that is no name");
                        };
                        keywords.push((name, value));
                    }
                }
                (None, _) => return unknown("unpacks what is not a dictionary"),
            }
        }
        let mut names: Vec<&str> = keywords.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if names.is_sorted_by(|left, right| left < right) {
            Ok((arguments, keywords))
        } else {
            unknown("passes a keyword twice")
        }
    }
}

fn method_of_str(text: &str, method: &str, arguments: &[Value], keywords: &[(String, Value)]) -> Folded {
    if method == "format" {
        return format::template(text, arguments, keywords).map(Value::Str);
    }
    let not_known = || unknown(std::format!("calls {method}() of a string in a way that is not known"));
    if !keywords.is_empty() {
        return not_known();
    }
    let result = match (method, arguments) {
        ("join", [Value::List(parts) | Value::Tuple(parts)]) => return join(text, parts),
        ("join", [Value::Dict(pairs)]) => {
            return join(text, &pairs.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>());
        }
        ("replace", [Value::Str(old), Value::Str(new)]) => return replace(text, old, new),
        ("lower", []) if text.is_ascii() => text.to_ascii_lowercase(),
        ("upper", []) if text.is_ascii() => text.to_ascii_uppercase(),
        ("strip", []) => text.trim_matches(is_space).to_owned(),
        ("lstrip", []) => text.trim_start_matches(is_space).to_owned(),
        ("rstrip", []) => text.trim_end_matches(is_space).to_owned(),
        ("strip", [Value::Str(set)]) => text.trim_matches(|c| set.contains(c)).to_owned(),
        ("lstrip", [Value::Str(set)]) => text.trim_start_matches(|c| set.contains(c)).to_owned(),
        ("rstrip", [Value::Str(set)]) => text.trim_end_matches(|c| set.contains(c)).to_owned(),
        ("removeprefix", [Value::Str(prefix)]) => {
            text.strip_prefix(prefix.as_str()).unwrap_or(text).to_owned()
        }
        ("removesuffix", [Value::Str(suffix)]) => {
            text.strip_suffix(suffix.as_str()).unwrap_or(text).to_owned()
        }
        ("split", []) => {
            let parts = text.split(is_space).filter(|part| !part.is_empty());
            return Ok(Value::List(parts.map(|part| Value::Str(part.to_owned())).collect()));
        }
        ("split", [Value::Str(separator)]) if !separator.is_empty() => {
            return Ok(Value::List(
                text.split(separator.as_str()).map(|part| Value::Str(part.to_owned())).collect(),
            ));
        }
        ("encode", []) => return Ok(Value::Bytes(text.as_bytes().to_vec())),
        _ => return not_known(),
    };
    Ok(Value::Str(result))
}

fn join(separator: &str, parts: &[Value]) -> Folded {
    let mut result = String::new();
    for (number, part) in parts.iter().enumerate() {
        let Value::Str(part) = part else { return unknown("joins what is not a string") };
        if number > 0 {
            result.push_str(separator);
        }
        result.push_str(part);
        if result.len() > MAX_SIZE {
            return unknown("too large");
        }
    }
    Ok(Value::Str(result))
}

fn replace(text: &str, old: &str, new: &str) -> Folded {
    let growth = text.matches(old).count().saturating_mul(new.len());
    if growth > MAX_SIZE { unknown("too large") } else { Ok(Value::Str(text.replace(old, new))) }
}

/// `re.escape` of Python 3.7 and later.
fn escape(text: &str) -> String {
    let mut result = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}".contains(c) {
            result.push('\\');
        }
        result.push(c);
    }
    result
}
