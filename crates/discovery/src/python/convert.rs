//! From the parser's tree to facts.
//!
//! The same conversion serves a text that was parsed whole and one that the skimmer reduced: the only
//! difference is that in reduced text the value of an assignment may be a `...` that stands for a piece of
//! the original, which [`Text`] knows.

mod assign;
mod comments;
mod dynamic;
mod expression;
mod lazy;
mod scope;
mod statement;

use std::cell::{Cell, OnceCell};

use memchr::memchr_iter;
use ruff_python_ast::{Expr as Ast, ModModule};
use ruff_text_size::{Ranged, TextRange, TextSize};

pub(super) use self::expression::is_closed;
use self::scope::{Names, Where};
use super::{
    extract::Options,
    facts::{Details, Expr, Structure},
    kept,
    lines::{Lines, Segment, WHOLE},
};

/// A value that the skimmer left out of the reduced text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LeftOut {
    /// Where its `...` stands in the reduced text.
    pub(super) parsed: u32,
    /// Where it starts in the original.
    pub(super) start: u32,
    /// Where it ends in the original.
    pub(super) end: u32,
}

/// A statement that the skimmer left out of the reduced text altogether, because what it binds is known
/// without the parser: a method, or a name that is assigned a value that is kept as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Passed {
    /// Where it would stand in the reduced text.
    pub(super) parsed: u32,
    /// Where the name of its class stands in the reduced text; none at module level.
    pub(super) class: Option<u32>,
    /// Where its name starts and ends in the original.
    pub(super) name: (u32, u32),
    /// Where its value starts and ends in the original; none for a method.
    pub(super) value: Option<(u32, u32)>,
    /// The one-based line of its name.
    pub(super) line: u32,
}

/// The text that was parsed, and how to get from it to the original.
pub(super) struct Text<'a> {
    original: &'a str,
    parsed: &'a str,
    left_out: &'a [LeftOut],
    passed: &'a [Passed],
    lines: Lines<'a>,
    /// Where each line of the original starts, once somebody asked for one.
    starts: OnceCell<Vec<usize>>,
}

impl<'a> Text<'a> {
    /// A text that was parsed whole.
    pub(super) fn whole(text: &'a str) -> Self {
        Self::reduced(text, text, WHOLE, &[], &[])
    }

    /// A text that was parsed without some of its parts.
    pub(super) fn reduced(
        original: &'a str,
        parsed_text: &'a str,
        segments: &'a [Segment],
        left_out: &'a [LeftOut],
        passed: &'a [Passed],
    ) -> Self {
        Self {
            original,
            parsed: parsed_text,
            left_out,
            passed,
            lines: Lines::new(original, parsed_text, segments),
            starts: OnceCell::new(),
        }
    }

    fn of(&self, range: TextRange) -> &'a str {
        self.parsed.get(range.start().to_usize()..range.end().to_usize()).unwrap_or_default()
    }

    fn line(&self, at: TextSize) -> u32 {
        self.lines.line(at)
    }

    /// The source of an assigned value, with its parentheses, and whether it was left out. `after` is the
    /// end of what stands before the last `=` (target or annotation), `end` the end of the statement.
    fn assigned(&self, after: TextSize, value: &Ast, end: TextSize) -> (&'a str, bool) {
        if value.is_ellipsis_literal_expr()
            && let Ok(found) =
                self.left_out.binary_search_by_key(&value.start().to_u32(), |left_out| left_out.parsed)
            && let Some(left_out) = self.left_out.get(found)
        {
            return (self.of_original((left_out.start, left_out.end)), true);
        }
        let between = self.of(TextRange::new(after, value.start().max(after)));
        let equals = between.find('=').map_or(between.len(), |at| at + 1);
        let start = kept::skip_blanks(self.parsed.as_bytes(), after.to_usize() + equals);
        (self.parsed.get(start..end.to_usize()).unwrap_or_default(), false)
    }

    /// A line of the original, one-based.
    fn original_line(&self, line: u32) -> Option<&'a str> {
        let newlines = || memchr_iter(b'\n', self.original.as_bytes()).map(|at| at + 1);
        let starts = self.starts.get_or_init(|| std::iter::once(0).chain(newlines()).collect());
        let start = *starts.get(line.checked_sub(1)? as usize)?;
        self.original.get(start..)?.split('\n').next()
    }

    /// What a comment says of the statement whose first line this is (one-based): behind it, or in lines
    /// that begin with `#:` above it.
    fn comment(&self, line: u32) -> Option<String> {
        let at = |line: u32| self.original_line(line);
        let text = at(line)?;
        let behind = comments::behind(text);
        if behind.is_some() {
            return behind;
        }
        let mut above = Vec::new();
        let mut number = line;
        while let Some(text) =
            number.checked_sub(1).and_then(at).and_then(|text| text.trim_start().strip_prefix("#:"))
        {
            above.push(text.trim());
            number -= 1;
        }
        above.reverse();
        (!above.is_empty()).then(|| above.join("\n"))
    }

    fn of_original(&self, (start, end): (u32, u32)) -> &'a str {
        self.original.get(start as usize..end as usize).unwrap_or_default()
    }
}

/// Makes facts of a module.
pub(super) fn module(tree: &ModModule, text: &Text<'_>, options: &Options) -> (Structure, Details) {
    let mut converter = Converter::new(text, *options);
    // Assignments inside expressions are rare: only a text that has one is searched for them.
    converter.walrus = memchr::memmem::find(text.parsed.as_bytes(), b":=").is_some();
    let mut names = Names::new();
    converter.details.doc = Converter::docstring(&tree.body);
    converter.scope(
        &tree.body,
        None,
        tree.range.end(),
        &mut names,
        Where { class: None, conditional: false },
    );
    converter.structure.bindings = names.bindings;
    converter.details.literals = names.literals;
    (converter.structure, converter.details)
}

/// Makes an expression of the tree of `text`, which starts on `line`.
pub(super) fn expression(tree: &Ast, text: &str, line: u32) -> Expr {
    let segments = [Segment { parsed: 0, original: 0, line }];
    Converter::new(&Text::reduced(text, text, &segments, &[], &[]), Options::default()).expression(tree)
}

struct Converter<'a> {
    text: &'a Text<'a>,
    options: Options,
    walrus: bool,
    /// How deep in an expression the conversion is.
    depth: Cell<u32>,
    /// How many of [`Text::passed`] were bound, or are of classes that never are.
    passed: usize,
    structure: Structure,
    details: Details,
}

impl<'a> Converter<'a> {
    fn new(text: &'a Text<'a>, options: Options) -> Self {
        Self {
            text,
            options,
            walrus: false,
            depth: Cell::new(0),
            passed: 0,
            structure: Structure::default(),
            details: Details::default(),
        }
    }
}
