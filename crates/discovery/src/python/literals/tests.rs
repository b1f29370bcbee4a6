//! Folding against C Python: `cases.tsv` holds expressions and what Python 3.11 makes of them.

use proptest::prelude::*;

use super::{Folded, NoNames, Scope, Unknown, fold_text, parse_literal, repr};
use crate::{python::facts::Expr, value::Value};

fn folded(text: &str) -> Folded {
    fold_text(text, 1, &mut NoNames)
}

/// Containers with a comma after each element, sets sorted, the rest as `ascii()` writes it.
fn shown(value: &Value) -> String {
    let all = |elements: &[Value]| elements.iter().map(|one| shown(one) + ",").collect::<String>();
    match value {
        Value::List(elements) => format!("[{}]", all(elements)),
        Value::Tuple(elements) => format!("({})", all(elements)),
        Value::Dict(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| format!("{}:{},", shown(key), shown(value)));
            format!("{{{}}}", pairs.collect::<String>())
        }
        Value::Set(elements) => {
            let mut elements: Vec<_> = elements.iter().map(|one| format!("'{}'", shown(one))).collect();
            elements.sort();
            format!("set:[{}]", elements.join(", "))
        }
        Value::Complex(real, imaginary) if real.to_bits() == 0 => format!("{imaginary}j"),
        Value::Complex(real, imaginary) => format!("({real}{imaginary:+}j)"),
        other => repr::ascii(other).expect("has a text"),
    }
}

#[test]
fn folds_as_python_does() {
    let mut wrong = Vec::new();
    let unescape = |text: &str| text.replace("\\\\", "\0").replace("\\n", "\n").replace('\0', "\\");
    for line in include_str!("cases.tsv").lines() {
        let (source, expected) = line.split_once('\t').expect("two columns");
        let (source, expected) = (unescape(source), unescape(expected));
        match folded(&source) {
            Ok(value) if shown(&value) == expected => {}
            Ok(value) => wrong.push(format!("{source}\n  python {expected}\n  here   {}", shown(&value))),
            Err(unknown) => wrong.push(format!("{source}\n  python {expected}\n  here   {unknown}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_python_refuses_or_nobody_can_know_is_unknown() {
    for text in [
        "1 / 0",
        "1 % 0",
        "2 ** -1",
        "2 ** 0.5",
        "'a' + 1",
        "'%d' % 'a'",
        "'%s %s' % 1",
        "'%s' % (1, 2)",
        "'%q' % 1",
        "'{}'.format()",
        "'{} {0}'.format(1)",
        "'{0} {}'.format(1)",
        "'{a.b}'.format(a=1)",
        "'{'.format()",
        "[1][5]",
        "{}['a']",
        "{[]: 1}",
        "{{}}",
        "'a' * 10 ** 9",
        "[[0] * 1000] * 1000 * 1000",
        "1 << 10 ** 9",
        "'%1000000000d' % 1",
        "f'{1:1000000000}'",
        "'%s' % {1, 2}",
        "x",
        "x.y",
        "f(1)",
        "'a'.upper",
        "'é'.upper()",
        "lambda: 1",
        "1 if 1 else 2",
        "[x for x in []]",
        "'\\ud800'",
        "f'\\udfff'",
        "'%s' % '\\U0000d800'",
        "'%(a)s %s' % {'a': 1}",
        "'{:5}'.format(None)",
        "'{:d}'.format('a')",
        "'{:.2}'.format(1)",
        "1 2",
        "",
        "(",
        "'a' 'b",
        "*a",
        "1 @ 2",
        "'{:05}'.format('a')",
        "'a'[1:]",
        "f(*x)",
        "'{a}{a}'.format(a=1, a=2)",
        "{**1}",
        "[*1]",
        "[*{1, 2}]",
        "'%*d' % (5, 1)",
        "not re.X",
        "t'a'",
        "9**9**9",
    ] {
        assert!(folded(text).is_err(), "{text}: {:?}", folded(text));
    }
}

#[test]
fn depth_and_size_are_bounded() {
    for part in ["(", "[", "-", "not ", "f(", "{1: ", "lambda: "] {
        assert!(folded(&part.repeat(100_000)).is_err(), "{part}");
        assert!(parse_literal(&part.repeat(100_000)).is_err(), "{part}");
    }
    assert!(folded(&format!("{}x{}", "(".repeat(100_000), ")".repeat(100_000))).is_err());
    assert_eq!(folded(&format!("0{}", " + 1".repeat(90))), Ok(Value::Int(90)));
    // A literal that is written out may be long.
    let long = format!("'{}'", "\\n".repeat(2_000_000));
    assert!(matches!(parse_literal(&long), Ok(Value::Str(text)) if text.len() == 2_000_000));
}

struct Names;

impl Scope for Names {
    fn name(&mut self, name: &str) -> Folded {
        match name {
            "BASE" => Ok(Value::Str("https://".into())),
            other => Err(Unknown::new(format!("names {other}"))),
        }
    }

    fn attribute(&mut self, object: &Expr, attribute: &str) -> Folded {
        match object {
            Expr::Name(module) if module == "re" => Ok(Value::Name(format!("re.{attribute}"))),
            _ => NoNames.attribute(object, attribute),
        }
    }
}

#[test]
fn names_come_from_the_scope() {
    let folded = |text| fold_text(text, 1, &mut Names);
    assert_eq!(folded("BASE + 'a'"), Ok(Value::Str("https://a".into())));
    assert_eq!(folded("f'{BASE}a'"), Ok(Value::Str("https://a".into())));
    assert_eq!(folded("[BASE, OTHER]").map_err(|unknown| unknown.reason), Err("names OTHER".into()));
    assert_eq!(folded("re.escape('a.b-c d/é')"), Ok(Value::Str("a\\.b\\-c\\ d/é".into())));
    let compiled = Value::Call {
        function: "re.compile".into(),
        arguments: vec![Value::Str("x".into()), Value::Name("re.I | re.X".into())],
        keywords: vec![],
    };
    assert_eq!(folded("re.compile(r'x', re.I | re.X)"), Ok(compiled));
    assert_eq!(folded("make(1)").map_err(|unknown| unknown.reason), Err("calls make()".into()));
}

proptest! {
    #[test]
    fn any_text_folds_or_says_why_not(text in "[-+*/%~()\\[\\]{}'\"a-z0-9,.:=!<>fbr\\\\ \n]{0,60}") {
        let _ = folded(&text);
        let _ = parse_literal(&text);
    }

    #[test]
    fn strings_and_integers_survive(text in any::<String>(), int in any::<i64>()) {
        let source = repr::ascii(&Value::Tuple(vec![Value::Str(text.clone()), Value::Int(int)])).expect("has a text");
        prop_assert_eq!(parse_literal(&source), Ok(Value::Tuple(vec![Value::Str(text), Value::Int(int)])));
    }
}
