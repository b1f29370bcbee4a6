//! `format(value, spec)` and `str.format`.

use super::{MAX_SIZE, Unknown, number, repr, subscript, unknown};
use crate::value::Value;

/// A format specification: `[[fill]align][sign][#][0][width][grouping][.precision][type]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) fill: Option<char>,
    pub(super) align: Option<char>,
    pub(super) sign: Option<char>,
    pub(super) alternate: bool,
    pub(super) zero: bool,
    pub(super) width: usize,
    pub(super) grouping: Option<char>,
    pub(super) precision: Option<usize>,
    pub(super) kind: Option<char>,
}

impl Spec {
    fn parse(text: &str) -> Result<Self, Unknown> {
        let mut spec = Self::default();
        let mut rest = text;
        let is_align = |c: char| matches!(c, '<' | '>' | '=' | '^');
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(fill), Some(align)) if is_align(align) => {
                (spec.fill, spec.align) = (Some(fill), Some(align));
                rest = chars.as_str();
            }
            (Some(align), _) if is_align(align) => {
                spec.align = Some(align);
                rest = text.get(1..).unwrap_or_default();
            }
            _ => {}
        }
        let take = |rest: &mut &str, wanted: &[char]| {
            let found = rest.chars().next().filter(|c| wanted.contains(c))?;
            *rest = rest.get(found.len_utf8()..)?;
            Some(found)
        };
        spec.sign = take(&mut rest, &['+', '-', ' ']);
        spec.alternate = take(&mut rest, &['#']).is_some();
        spec.zero = take(&mut rest, &['0']).is_some();
        spec.width = digits(&mut rest)?.unwrap_or(0);
        spec.grouping = take(&mut rest, &[',', '_']);
        if take(&mut rest, &['.']).is_some() {
            spec.precision = digits(&mut rest)?;
            if spec.precision.is_none() {
                return invalid();
            }
        }
        spec.kind = rest.chars().next();
        if rest.chars().count() > 1 { invalid() } else { Ok(spec) }
    }

    /// Pads `text`, whose first `sign` bytes stay before zeros.
    pub(super) fn pad(&self, text: &str, sign: usize, default: char) -> String {
        let missing = self.width.saturating_sub(text.chars().count());
        let zero = self.zero && self.align.is_none();
        let fill = self.fill.unwrap_or(if self.zero { '0' } else { ' ' });
        let run = |length: usize| std::iter::repeat_n(fill, length).collect::<String>();
        let align = self.align.unwrap_or(if zero && default == '>' { '=' } else { default });
        match align {
            '<' => format!("{text}{}", run(missing)),
            '^' => format!("{}{text}{}", run(missing / 2), run(missing - missing / 2)),
            '=' => {
                let (head, tail) = text.split_at_checked(sign).unwrap_or(("", text));
                format!("{head}{}{tail}", run(missing))
            }
            _ => format!("{}{text}", run(missing)),
        }
    }
}

fn invalid<T>() -> Result<T, Unknown> {
    unknown("has a format that is not known exactly")
}

/// A run of digits; `None` if there is none.
pub(super) fn digits(rest: &mut &str) -> Result<Option<usize>, Unknown> {
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, after) = rest.split_at_checked(length).unwrap_or(("", rest));
    *rest = after;
    if number.is_empty() {
        return Ok(None);
    }
    match number.parse() {
        Ok(number) if number <= MAX_SIZE => Ok(Some(number)),
        _ => unknown("too large"),
    }
}

/// One field of an f-string or of `str.format`.
pub(super) fn field(value: &Value, conversion: Option<char>, spec: &str) -> Result<String, Unknown> {
    match conversion {
        None => format(value, spec),
        Some('s') => format(&Value::Str(repr::str(value)?), spec),
        Some('r') => format(&Value::Str(repr::repr(value)?), spec),
        Some('a') => format(&Value::Str(repr::ascii(value)?), spec),
        Some(_) => invalid(),
    }
}

/// `format(value, spec)`
fn format(value: &Value, spec: &str) -> Result<String, Unknown> {
    if spec.is_empty() {
        return repr::str(value);
    }
    let spec = Spec::parse(spec)?;
    match value {
        Value::Str(text) => format_str(text, &spec),
        Value::Float(float) => format_float(*float, &spec),
        Value::Bool(_) | Value::Int(_) => match (number::as_int(value), spec.kind) {
            (Some(int), None | Some('d' | 'b' | 'o' | 'x' | 'X' | 'c')) => format_int(int, &spec),
            (_, Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%')) => {
                number::as_float(value).map_or_else(invalid, |float| format_float(float, &spec))
            }
            _ => invalid(),
        },
        _ => invalid(),
    }
}

fn format_str(text: &str, spec: &Spec) -> Result<String, Unknown> {
    let wrong = spec.sign.is_some() || spec.alternate || spec.grouping.is_some() || spec.align == Some('=');
    if wrong || !matches!(spec.kind, None | Some('s')) {
        return invalid();
    }
    let end =
        spec.precision.and_then(|length| text.char_indices().nth(length)).map_or(text.len(), |(at, _)| at);
    let text = text.get(..end).unwrap_or_default();
    // `0` before the width of a string: refused by some versions, a fill in others.
    if spec.zero && spec.align.is_none() { invalid() } else { Ok(spec.pad(text, 0, '<')) }
}

fn format_int(int: i128, spec: &Spec) -> Result<String, Unknown> {
    if spec.precision.is_some() {
        return invalid();
    }
    let magnitude = int.unsigned_abs();
    let (prefix, digits) = match spec.kind {
        Some('b') => ("0b", format!("{magnitude:b}")),
        Some('o') => ("0o", format!("{magnitude:o}")),
        Some('x') => ("0x", format!("{magnitude:x}")),
        Some('X') => ("0X", format!("{magnitude:X}")),
        Some('c') => {
            let plain = spec.sign.is_none() && !spec.alternate && spec.grouping.is_none() && !spec.zero;
            let c = u32::try_from(int).ok().and_then(char::from_u32).filter(|_| plain);
            return c.map_or_else(invalid, |c| Ok(spec.pad(&c.to_string(), 0, '<')));
        }
        _ => ("", magnitude.to_string()),
    };
    let digits = match (spec.grouping, spec.kind) {
        (None, _) => digits,
        // Zeros that are filled in are grouped too.
        (Some(_), _) if spec.zero => return invalid(),
        (Some(separator), None | Some('d')) => grouped(&digits, separator, 3),
        (Some('_'), _) => grouped(&digits, '_', 4),
        _ => return invalid(),
    };
    let head = format!("{}{}", sign(int < 0, spec), if spec.alternate { prefix } else { "" });
    Ok(spec.pad(&format!("{head}{digits}"), head.len(), '>'))
}

fn format_float(float: f64, spec: &Spec) -> Result<String, Unknown> {
    if !float.is_finite() || spec.alternate || (spec.grouping.is_some() && spec.zero) {
        return invalid();
    }
    let magnitude = float.abs();
    let precision = spec.precision.unwrap_or(6);
    let body = match spec.kind {
        None if spec.precision.is_none() => number::float_repr(magnitude),
        Some('f' | 'F') => format!("{magnitude:.precision$}"),
        Some('e') => scientific(magnitude, precision),
        Some('E') => scientific(magnitude, precision).to_uppercase(),
        Some('g') => general(magnitude, precision, false),
        Some('G') => general(magnitude, precision, false).to_uppercase(),
        Some('%') => {
            let percent = magnitude * 100.0;
            if !percent.is_finite() {
                return invalid();
            }
            format!("{percent:.precision$}%")
        }
        _ => return invalid(),
    };
    let body = match spec.grouping {
        None => body,
        Some(separator) => {
            let whole = body.bytes().take_while(u8::is_ascii_digit).count();
            let (whole, rest) = body.split_at_checked(whole).unwrap_or(("", &body));
            format!("{}{rest}", grouped(whole, separator, 3))
        }
    };
    let head = sign(float.is_sign_negative(), spec);
    Ok(spec.pad(&format!("{head}{body}"), head.len(), '>'))
}

pub(super) fn sign(negative: bool, spec: &Spec) -> &'static str {
    match spec.sign {
        _ if negative => "-",
        Some('+') => "+",
        Some(' ') => " ",
        _ => "",
    }
}

fn grouped(digits: &str, separator: char, size: usize) -> String {
    let mut result = String::with_capacity(digits.len() * 2);
    for (number, c) in digits.chars().enumerate() {
        if number > 0 && (digits.len() - number).is_multiple_of(size) {
            result.push(separator);
        }
        result.push(c);
    }
    result
}

/// `1.500000e+05`
pub(super) fn scientific(magnitude: f64, precision: usize) -> String {
    let text = format!("{magnitude:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{mantissa}{}", number::exponent_text(exponent.parse().unwrap_or(0)))
}

/// The `g` format of C: `precision` significant digits, in the shorter of two forms.
pub(super) fn general(magnitude: f64, precision: usize, keep_zeros: bool) -> String {
    let precision = precision.max(1);
    let text = format!("{magnitude:.*e}", precision - 1);
    let exponent = text.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok()).unwrap_or(0);
    let trim = |text: String| {
        if keep_zeros || !text.contains('.') {
            text
        } else {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    };
    match usize::try_from(exponent) {
        Ok(exponent) if exponent < precision => trim(format!("{magnitude:.*}", precision - 1 - exponent)),
        Err(_) if exponent >= -4 => {
            trim(format!("{magnitude:.*}", precision - 1 + exponent.unsigned_abs() as usize))
        }
        _ => {
            let mantissa = text.split_once('e').map_or("0", |(mantissa, _)| mantissa);
            format!("{}{}", trim(mantissa.to_owned()), number::exponent_text(exponent))
        }
    }
}

/// `template.format(*arguments, **keywords)`
pub(super) fn template(
    template: &str,
    arguments: &[Value],
    keywords: &[(String, Value)],
) -> Result<String, Unknown> {
    Template { arguments, keywords, next: Some(0), numbered: false }.expand(template, 2)
}

struct Template<'a> {
    arguments: &'a [Value],
    keywords: &'a [(String, Value)],
    /// The number of the next `{}`; none once fields were numbered by hand.
    next: Option<usize>,
    numbered: bool,
}

impl Template<'_> {
    fn expand(&mut self, template: &str, levels: u32) -> Result<String, Unknown> {
        let Some(levels) = levels.checked_sub(1) else { return invalid() };
        let mut result = String::new();
        let mut rest = template;
        while let Some(at) = rest.find(['{', '}']) {
            let (text, brace) = rest.split_at(at);
            result.push_str(text);
            if let Some(after) = brace.strip_prefix("{{") {
                result.push('{');
                rest = after;
            } else if let Some(after) = brace.strip_prefix("}}") {
                result.push('}');
                rest = after;
            } else {
                let Some((field, after)) = brace.strip_prefix('{').and_then(split_field) else {
                    return invalid();
                };
                result.push_str(&self.field(field, levels)?);
                rest = after;
            }
            if result.len() > MAX_SIZE {
                return unknown("too large");
            }
        }
        result.push_str(rest);
        Ok(result)
    }

    fn field(&mut self, text: &str, levels: u32) -> Result<String, Unknown> {
        let bracket = text.find('[').unwrap_or(text.len());
        let end = text.get(..bracket).and_then(|head| head.find([':', '!']));
        let end = end.or_else(|| {
            let close = text.rfind(']').filter(|_| bracket < text.len())?;
            text.get(close..)?.find([':', '!']).map(|at| close + at)
        });
        let (name, mut rest) = text.split_at_checked(end.unwrap_or(text.len())).unwrap_or((text, ""));
        let mut conversion = None;
        if let Some(after) = rest.strip_prefix('!') {
            conversion = after.chars().next();
            rest = after.get(conversion.map_or(0, char::len_utf8)..).unwrap_or_default();
            if conversion.is_none() || !(rest.is_empty() || rest.starts_with(':')) {
                return invalid();
            }
        }
        let value = self.value(name)?;
        let spec = rest.strip_prefix(':').unwrap_or_default();
        let spec = if spec.contains(['{', '}']) { self.expand(spec, levels)? } else { spec.to_owned() };
        field(&value, conversion, &spec)
    }

    /// `name`, `0`, nothing, each with `[index]` behind.
    fn value(&mut self, name: &str) -> Result<Value, Unknown> {
        let (first, mut path) =
            name.split_at_checked(name.find(['[', '.']).unwrap_or(name.len())).unwrap_or((name, ""));
        let found = if first.is_empty() {
            let Some(number) = self.next.filter(|_| !self.numbered) else { return invalid() };
            self.next = Some(number + 1);
            self.arguments.get(number)
        } else if first.bytes().all(|byte| byte.is_ascii_digit()) {
            if self.next != Some(0) {
                return invalid();
            }
            self.numbered = true;
            first.parse::<usize>().ok().and_then(|number| self.arguments.get(number))
        } else {
            self.keywords.iter().find(|(name, _)| name == first).map(|(_, value)| value)
        };
        let Some(mut value) = found.cloned() else { return unknown("formats an argument that is missing") };
        while !path.is_empty() {
            let Some((index, rest)) = path.strip_prefix('[').and_then(|inner| inner.split_once(']')) else {
                return unknown("reads an attribute in a format");
            };
            let index = match index.parse() {
                Ok(number) if index.bytes().all(|byte| byte.is_ascii_digit()) => Value::Int(number),
                _ if index.is_empty() => return invalid(),
                _ => Value::Str(index.to_owned()),
            };
            value = subscript::item(&value, &index)?;
            path = rest;
        }
        Ok(value)
    }
}

/// A field's text up to its closing brace, and what follows.
fn split_field(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some((text.get(..at)?, text.get(at + 1..)?)),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}
