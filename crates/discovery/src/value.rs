//! A constant, as Python or a document writes it.
//!
//! # As JSON
//! Serialised for people (JSON), a value takes the form that a reader of JSON expects; what JSON has no
//! form for is an object with one member that starts with `$`:
//!
//! | Python | JSON |
//! |---|---|
//! | `None`, `True`, `1`, `1.5`, `'a'` | `null`, `true`, `1`, `1.5`, `"a"` |
//! | `[1]`, `(1,)`, `{1}` | `[1]`: lists, tuples and sets look alike |
//! | `{'a': 1}` | `{"a": 1}` |
//! | `{1: 2}`, `{'$a': 1}` | `{"$dict": [[1, 2]]}`: a key is not text, or would be misread |
//! | `2 ** 64` | `{"$int": "18446744073709551616"}` |
//! | `1e999` | `{"$float": "inf"}`, also `-inf` and `nan` |
//! | `2j` | `{"$complex": [0.0, 2.0]}` |
//! | `b'a\xff'` | `{"$bytes": "a\\xff"}`: printable ASCII, the rest and `\` as `\xNN` |
//! | `...` | `{"$ellipsis": true}` |
//! | `re.compile('a', flags=re.X)` | `{"$call": "re.compile", "arguments": ["a"], "keywords": {"flags": {"$name": "re.X"}}}` |
//! | `re.X` | `{"$name": "re.X"}` |
//!
//! Serialised for machines (postcard), it is a plain enum and reads back as it was.

use serde::{
    Deserialize, Serialize, Serializer,
    ser::{SerializeMap, SerializeStruct},
};

/// A constant value. Equality is structural: `1`, `1.0` and `True` differ.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub enum Value {
    /// `None`.
    None,
    /// `True`, `False`.
    Bool(bool),
    /// An integer that fits.
    Int(i64),
    /// An integer that does not fit in 64 bits, in decimal.
    BigInt(String),
    /// A float.
    Float(f64),
    /// A complex number: real and imaginary part.
    Complex(f64, f64),
    /// Text.
    Str(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// `[…]`
    List(Vec<Value>),
    /// `(…)`
    Tuple(Vec<Value>),
    /// `{…}`, in source order, without duplicates.
    Set(Vec<Value>),
    /// `{k: v}`, in insertion order, later values replacing earlier ones.
    Dict(Vec<(Value, Value)>),
    /// `...`
    Ellipsis,
    /// A call that is kept as it stands because what it makes is fixed by its constant arguments:
    /// `re.compile("…")`.
    Call {
        /// Dotted name as written.
        function: String,
        /// Positional arguments.
        arguments: Vec<Value>,
        /// Keyword arguments.
        keywords: Vec<(String, Value)>,
    },
    /// A dotted name kept as a symbol: `re.VERBOSE`, `NORMAL_PRIORITY` that could not be folded.
    Name(String),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { self.natural(serializer) } else { self.exact(serializer) }
    }
}

impl Value {
    /// As a reader of JSON expects it.
    fn natural<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_unit(),
            Self::Bool(bool) => serializer.serialize_bool(*bool),
            Self::Int(int) => serializer.serialize_i64(*int),
            Self::Float(float) if float.is_finite() => serializer.serialize_f64(*float),
            Self::Str(text) => serializer.serialize_str(text),
            Self::List(elements) | Self::Tuple(elements) | Self::Set(elements) => {
                serializer.collect_seq(elements)
            }
            Self::Dict(pairs) => {
                // Keys with a dollar sign would look like the forms below.
                let names = pairs.iter().map(|(key, value)| match key {
                    Self::Str(name) if !name.starts_with('$') => Some((name, value)),
                    _ => None,
                });
                match names.collect::<Option<Vec<_>>>() {
                    Some(members) => serializer.collect_map(members),
                    None => member(serializer, "$dict", pairs),
                }
            }
            Self::BigInt(digits) => member(serializer, "$int", digits),
            Self::Float(float) => {
                let text = if float.is_nan() {
                    "nan"
                } else if *float > 0.0 {
                    "inf"
                } else {
                    "-inf"
                };
                member(serializer, "$float", text)
            }
            Self::Complex(real, imaginary) => {
                let part = |part: &f64| Self::Float(*part);
                member(serializer, "$complex", &[part(real), part(imaginary)])
            }
            Self::Bytes(bytes) => member(serializer, "$bytes", &escaped(bytes)),
            Self::Ellipsis => member(serializer, "$ellipsis", &true),
            Self::Name(name) => member(serializer, "$name", name),
            Self::Call { function, arguments, keywords } => {
                let mut call = serializer.serialize_struct("Call", 3)?;
                call.serialize_field("$call", function)?;
                call.serialize_field("arguments", arguments)?;
                call.serialize_field("keywords", &Pairs(keywords))?;
                call.end()
            }
        }
    }

    /// As the derived [`Deserialize`] reads it: variants are numbered in the order of the enum.
    fn exact<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const ENUM: &str = "Value";
        match self {
            Self::None => serializer.serialize_unit_variant(ENUM, 0, "None"),
            Self::Bool(bool) => serializer.serialize_newtype_variant(ENUM, 1, "Bool", bool),
            Self::Int(int) => serializer.serialize_newtype_variant(ENUM, 2, "Int", int),
            Self::BigInt(digits) => serializer.serialize_newtype_variant(ENUM, 3, "BigInt", digits),
            Self::Float(float) => serializer.serialize_newtype_variant(ENUM, 4, "Float", float),
            Self::Complex(real, imaginary) => {
                use serde::ser::SerializeTupleVariant as _;
                let mut parts = serializer.serialize_tuple_variant(ENUM, 5, "Complex", 2)?;
                parts.serialize_field(real)?;
                parts.serialize_field(imaginary)?;
                parts.end()
            }
            Self::Str(text) => serializer.serialize_newtype_variant(ENUM, 6, "Str", text),
            Self::Bytes(bytes) => serializer.serialize_newtype_variant(ENUM, 7, "Bytes", bytes),
            Self::List(elements) => serializer.serialize_newtype_variant(ENUM, 8, "List", elements),
            Self::Tuple(elements) => serializer.serialize_newtype_variant(ENUM, 9, "Tuple", elements),
            Self::Set(elements) => serializer.serialize_newtype_variant(ENUM, 10, "Set", elements),
            Self::Dict(pairs) => serializer.serialize_newtype_variant(ENUM, 11, "Dict", pairs),
            Self::Ellipsis => serializer.serialize_unit_variant(ENUM, 12, "Ellipsis"),
            Self::Call { function, arguments, keywords } => {
                use serde::ser::SerializeStructVariant as _;
                let mut call = serializer.serialize_struct_variant(ENUM, 13, "Call", 3)?;
                call.serialize_field("function", function)?;
                call.serialize_field("arguments", arguments)?;
                call.serialize_field("keywords", keywords)?;
                call.end()
            }
            Self::Name(name) => serializer.serialize_newtype_variant(ENUM, 14, "Name", name),
        }
    }
}

fn member<S: Serializer, T: Serialize + ?Sized>(
    serializer: S,
    name: &str,
    value: &T,
) -> Result<S::Ok, S::Error> {
    let mut object = serializer.serialize_map(Some(1))?;
    object.serialize_entry(name, value)?;
    object.end()
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'\\' => text.push_str("\\x5c"),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => text.extend([format!("\\x{byte:02x}")]),
        }
    }
    text
}

struct Pairs<'a>(&'a [(String, Value)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        as_map(self.0, serializer)
    }
}

/// Serialises pairs as an object.
pub(crate) fn as_map<S: serde::Serializer>(
    pairs: &[(String, Value)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

/// Serialises pairs as an object, with null for what is not known.
pub(crate) fn as_optional_map<S: serde::Serializer>(
    pairs: &[(String, Option<Value>)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

#[cfg(test)]
mod tests {
    use super::Value;

    fn text(text: &str) -> Value {
        Value::Str(text.into())
    }

    fn every_kind() -> Value {
        Value::List(vec![
            Value::None,
            Value::Bool(true),
            Value::Int(-1),
            Value::BigInt("18446744073709551616".into()),
            Value::Float(1.5),
            Value::Float(f64::INFINITY),
            Value::Complex(0.0, 2.0),
            text("a"),
            Value::Bytes(b"a\\\xff".to_vec()),
            Value::Tuple(vec![]),
            Value::Set(vec![Value::Int(1)]),
            Value::Dict(vec![(text("a"), Value::Int(1))]),
            Value::Dict(vec![(Value::Int(1), text("b"))]),
            Value::Dict(vec![(text("$call"), text("b"))]),
            Value::Ellipsis,
            Value::Call {
                function: "re.compile".into(),
                arguments: vec![text("a")],
                keywords: vec![("flags".into(), Value::Name("re.X".into()))],
            },
        ])
    }

    #[test]
    fn json_is_natural() {
        let json = serde_json::to_string(&every_kind()).expect("serialises");
        let expected = concat!(
            r#"[null,true,-1,{"$int":"18446744073709551616"},1.5,{"$float":"inf"},{"$complex":[0.0,2.0]},"a","#,
            r#"{"$bytes":"a\\x5c\\xff"},[],[1],{"a":1},{"$dict":[[1,"b"]]},{"$dict":[["$call","b"]]},"#,
            r#"{"$ellipsis":true},{"$call":"re.compile","arguments":["a"],"keywords":{"flags":{"$name":"re.X"}}}]"#,
        );
        assert_eq!(json, expected);
    }

    #[test]
    fn the_binary_form_reads_back() {
        let bytes = postcard::to_allocvec(&every_kind()).expect("serialises");
        assert_eq!(postcard::from_bytes::<Value>(&bytes).expect("reads"), every_kind());
    }
}
