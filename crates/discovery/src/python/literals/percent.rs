//! `template % arguments`

use super::{
    MAX_SIZE, Unknown,
    format::{self, Spec},
    key, number, repr, unknown,
};
use crate::value::Value;

/// Formats as C's `printf` does, by Python's rules.
pub(super) fn format(template: &str, arguments: &Value) -> Result<String, Unknown> {
    let single;
    let (list, mapping): (&[Value], _) = match arguments {
        Value::Tuple(elements) => (elements, None),
        Value::Dict(pairs) => {
            single = [arguments.clone()];
            (&single, Some(pairs.as_slice()))
        }
        other => {
            single = [other.clone()];
            (&single, None)
        }
    };
    let mut formatter = Formatter { rest: template, arguments: list.iter(), mapping, used_mapping: false };
    let mut result = String::new();
    while let Some((text, after)) = formatter.rest.split_once('%') {
        result.push_str(text);
        formatter.rest = after;
        result.push_str(&formatter.conversion()?);
        if result.len() > MAX_SIZE {
            return unknown("too large");
        }
    }
    result.push_str(formatter.rest);
    // A dictionary need not be used, nor a list: they might be mappings.
    let lenient =
        formatter.used_mapping || matches!(arguments, Value::Dict(_) | Value::List(_) | Value::Bytes(_));
    if formatter.arguments.next().is_some() && !lenient { invalid() } else { Ok(result) }
}

fn invalid<T>() -> Result<T, Unknown> {
    unknown("has a % format that is not known exactly")
}

struct Formatter<'a> {
    rest: &'a str,
    arguments: std::slice::Iter<'a, Value>,
    mapping: Option<&'a [(Value, Value)]>,
    used_mapping: bool,
}

impl<'a> Formatter<'a> {
    fn take(&mut self, wanted: impl Fn(char) -> bool) -> Option<char> {
        let found = self.rest.chars().next().filter(|c| wanted(*c))?;
        self.rest = self.rest.get(found.len_utf8()..)?;
        Some(found)
    }

    fn argument(&mut self) -> Result<&'a Value, Unknown> {
        self.arguments.next().map_or_else(|| unknown("formats an argument that is missing"), Ok)
    }

    /// What follows a `%`.
    fn conversion(&mut self) -> Result<String, Unknown> {
        let mut named = None;
        if self.take(|c| c == '(').is_some() {
            let Some((name, after)) = self.rest.split_once(')') else { return invalid() };
            let Some(mapping) = self.mapping.filter(|_| !name.contains('(')) else { return invalid() };
            self.rest = after;
            self.used_mapping = true;
            let name = Value::Str(name.to_owned());
            let found = mapping.iter().find(|(candidate, _)| key::same(candidate, &name) == Some(true));
            let Some((_, value)) = found else { return unknown("formats a key that is missing") };
            named = Some(value);
        }
        let mut spec = Spec::default();
        let mut left = false;
        while let Some(flag) = self.take(|c| matches!(c, '-' | '+' | ' ' | '#' | '0')) {
            match flag {
                '-' => left = true,
                '+' => spec.sign = Some('+'),
                ' ' => spec.sign = spec.sign.or(Some(' ')),
                '#' => spec.alternate = true,
                _ => spec.zero = true,
            }
        }
        if self.rest.starts_with('*') {
            return invalid();
        }
        spec.width = format::digits(&mut self.rest)?.unwrap_or(0);
        if self.take(|c| c == '.').is_some() {
            if self.rest.starts_with('*') {
                return invalid();
            }
            spec.precision = Some(format::digits(&mut self.rest)?.unwrap_or(0));
        }
        self.take(|c| matches!(c, 'h' | 'l' | 'L'));
        let Some(kind) = self.take(|_| true) else { return invalid() };
        if kind == '%' {
            // With anything between the two, versions differ.
            return if named.is_none() && spec == Spec::default() && !left {
                Ok("%".into())
            } else {
                invalid()
            };
        }
        spec.align = left.then_some('<');
        spec.fill = left.then_some(' ');
        let value = match named {
            Some(value) => value,
            // After a named field Python has forgotten the dictionary.
            None if self.used_mapping => return invalid(),
            None => self.argument()?,
        };
        convert(value, kind, &spec)
    }
}

fn convert(value: &Value, kind: char, spec: &Spec) -> Result<String, Unknown> {
    let text = |text: String| {
        let end = spec
            .precision
            .and_then(|length| text.char_indices().nth(length))
            .map_or(text.len(), |(at, _)| at);
        // Zeros pad numbers only.
        let spec = Spec { zero: false, ..*spec };
        Ok(spec.pad(text.get(..end).unwrap_or_default(), 0, '>'))
    };
    match kind {
        's' => text(repr::str(value)?),
        'r' => text(repr::repr(value)?),
        'a' => text(repr::ascii(value)?),
        'c' => match value {
            Value::Str(one) if one.chars().count() == 1 && spec.precision.is_none() => text(one.clone()),
            Value::Int(int) if spec.precision.is_none() => {
                let c = u32::try_from(*int).ok().and_then(char::from_u32);
                c.map_or_else(invalid, |c| text(c.to_string()))
            }
            _ => invalid(),
        },
        'd' | 'i' | 'u' => match value {
            Value::Float(float) if float.is_finite() => integer(
                number::as_int(&number::from_digits(&std::format!("{:.0}", float.trunc()))),
                kind,
                spec,
            ),
            other => integer(number::as_int(other), kind, spec),
        },
        'x' | 'X' | 'o' => integer(number::as_int(value), kind, spec),
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
            number::as_float(value).map_or_else(invalid, |float| real(float, kind, spec))
        }
        _ => invalid(),
    }
}

fn integer(int: Option<i128>, kind: char, spec: &Spec) -> Result<String, Unknown> {
    let Some(int) = int else { return unknown("formats as a number what is none") };
    let magnitude = int.unsigned_abs();
    let (prefix, digits) = match kind {
        'x' => ("0x", std::format!("{magnitude:x}")),
        'X' => ("0X", std::format!("{magnitude:X}")),
        'o' => ("0o", std::format!("{magnitude:o}")),
        _ => ("", magnitude.to_string()),
    };
    let zeros = "0".repeat(spec.precision.unwrap_or(0).saturating_sub(digits.len()));
    let head = std::format!("{}{}", format::sign(int < 0, spec), if spec.alternate { prefix } else { "" });
    Ok(spec.pad(&std::format!("{head}{zeros}{digits}"), head.len(), '>'))
}

fn real(float: f64, kind: char, spec: &Spec) -> Result<String, Unknown> {
    if !float.is_finite() || spec.alternate {
        return invalid();
    }
    let precision = spec.precision.unwrap_or(6);
    let magnitude = float.abs();
    let body = match kind {
        'f' | 'F' => std::format!("{magnitude:.precision$}"),
        'e' => format::scientific(magnitude, precision),
        'E' => format::scientific(magnitude, precision).to_uppercase(),
        'g' => format::general(magnitude, precision, false),
        _ => format::general(magnitude, precision, false).to_uppercase(),
    };
    let head = format::sign(float.is_sign_negative(), spec);
    Ok(spec.pad(&std::format!("{head}{body}"), head.len(), '>'))
}
