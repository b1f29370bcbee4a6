//! The text of single literals, read from encoded details in place.

use serde::Deserialize;

use super::world::{Place, World};
use crate::python::facts::ParameterKind;

/// The start of [`Details`](crate::python::facts::Details), borrowed.
#[derive(Deserialize)]
struct ModuleTexts<'a> {
    #[serde(borrow)]
    #[expect(dead_code, reason = "it stands before what is looked for")]
    doc: Option<&'a str>,
    #[serde(borrow)]
    literals: Vec<(u32, &'a str)>,
}

/// As much of [`Details`](crate::python::facts::Details) as holds the literals of classes, borrowed.
#[derive(Deserialize)]
struct AllTexts<'a> {
    #[serde(borrow)]
    #[expect(dead_code, reason = "it stands before what is looked for")]
    module: ModuleTexts<'a>,
    #[serde(borrow)]
    classes: Vec<ClassTexts<'a>>,
}

/// [`ClassDetails`](crate::python::facts::ClassDetails), borrowed.
#[derive(Deserialize)]
#[expect(dead_code, reason = "fields stand around what is looked for")]
struct ClassTexts<'a> {
    #[serde(borrow)]
    doc: Option<&'a str>,
    #[serde(borrow)]
    literals: Vec<(u32, &'a str)>,
    #[serde(borrow)]
    fields: Vec<ParameterTexts<'a>>,
    #[serde(borrow)]
    methods: Vec<MethodTexts<'a>>,
}

/// [`Parameter`](crate::python::facts::Parameter), borrowed: name, kind, annotation, default, what is said of it.
type ParameterTexts<'a> = (&'a str, ParameterKind, Option<&'a str>, Option<&'a str>, Option<&'a str>);

/// [`Method`](crate::python::facts::Method), borrowed.
#[derive(Deserialize)]
#[expect(dead_code, reason = "it stands before what is looked for")]
struct MethodTexts<'a> {
    #[serde(borrow)]
    name: &'a str,
    line: u32,
    #[serde(borrow)]
    decorators: Vec<&'a str>,
    is_async: bool,
    #[serde(borrow)]
    doc: Option<&'a str>,
    #[serde(borrow)]
    parameters: Vec<ParameterTexts<'a>>,
    #[serde(borrow)]
    returns: Option<&'a str>,
}

fn literal_at<'a>(literals: &[(u32, &'a str)], at: u32) -> Option<&'a str> {
    let found = literals.binary_search_by_key(&at, |(at, _)| *at).ok()?;
    literals.get(found).map(|(_, text)| *text)
}

impl World<'_, '_> {
    /// The text of one literal. Details are long and mostly of no interest, so they are read in place and
    /// only as far as needed.
    pub(super) fn literal_text(&self, place: Place) -> Option<String> {
        let bytes = self.tree.details(self.file(place.module)?)?;
        let found = match place.class {
            None => {
                let (module, _) = postcard::take_from_bytes::<ModuleTexts<'_>>(bytes).ok()?;
                literal_at(&module.literals, place.at)
            }
            Some(class) => {
                let (all, _) = postcard::take_from_bytes::<AllTexts<'_>>(bytes).ok()?;
                literal_at(&all.classes.get(class as usize)?.literals, place.at)
            }
        };
        found.map(str::to_owned)
    }
}
