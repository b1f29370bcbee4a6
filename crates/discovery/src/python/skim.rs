//! The skimmer: leaves out of a module what facts are not made of, so that the parser has less to read.
//!
//! Of a typical plugin file half is the bodies of methods and most of the rest long literals; imports, the
//! heads of classes and short assignments are a tenth. The skimmer walks logical lines, knowing only
//! strings, brackets, comments and indentation, and writes a *reduced* source, which the parser reads and
//! the same conversion as ever turns into facts. Three things differ from the original:
//!
//! - the body of a function is gone (its docstring stays where it is wanted), and its parameters where they
//!   are not wanted;
//! - a method that is not decorated is gone altogether: its name is all that facts need; so is the
//!   assignment to a name of a value that facts keep as text ([`Passed`]);
//! - where such an assignment has to stay, because it is indented or annotated, a long value is a `...`
//!   ([`LeftOut`]).
//!
//! Whatever the skimmer does not understand, and a reduced source that the parser refuses, is left to the
//! full parse. So it can never lose a file, nor invent an error. What it can miss is an error in what it
//! leaves out.

use super::{
    convert::{self, LeftOut, Passed, Text},
    depth,
    extract::Options,
    facts::{Details, Structure},
    indent::{self, Indent},
    kept,
    lines::Segment,
    parse, scan,
};

mod reduced;
#[cfg(test)]
mod tests;

use self::reduced::Reduced;

/// Values shorter than this are cheaper to parse than to leave out.
const SHORT: usize = 24;

/// A logical line longer than this may nest deeply enough to be measured.
const LONG: usize = 1_000;

/// Memory that is used again from file to file.
#[derive(Debug, Default)]
pub struct Scratch {
    reduced: String,
    segments: Vec<Segment>,
    left_out: Vec<LeftOut>,
    passed: Vec<Passed>,
    classes: Vec<Class>,
    blocks: Vec<Indent>,
}

/// A class whose body is being read.
#[derive(Debug, Clone, Copy)]
struct Class {
    /// The indentation of its head.
    indent: Indent,
    /// The indentation of its body, once a line of it was seen.
    body: Option<Indent>,
    /// Where its name stands in the reduced source.
    name: u32,
    /// The reduced source holds a statement of its body: it must not be empty.
    filled: bool,
}

impl Class {
    /// Whether a statement at `indent` can be left out without a trace: it stands in the body itself, not in
    /// a block of it, and is not its first.
    fn allows_gaps(&self, indent: Indent) -> bool {
        self.filled && self.body == Some(indent)
    }
}

/// Facts of a module, if the skimmer and the parser understand it.
pub(super) fn facts(text: &str, options: &Options, scratch: &mut Scratch) -> Option<(Structure, Details)> {
    let mut skimmer = Skimmer {
        bytes: text.as_bytes(),
        options: *options,
        reduced: Reduced::new(text, &mut scratch.reduced, &mut scratch.segments),
        left_out: &mut scratch.left_out,
        passed: &mut scratch.passed,
        classes: &mut scratch.classes,
        blocks: &mut scratch.blocks,
        decorated: false,
        deep: false,
    };
    skimmer.left_out.clear();
    skimmer.passed.clear();
    skimmer.classes.clear();
    skimmer.module()?;
    let deep = skimmer.deep;
    let reduced = scratch.reduced.as_str();
    if deep && depth::exceeded(reduced.as_bytes()).is_some() {
        return None;
    }
    let tree = parse::tree(reduced).ok()?;
    let text = Text::reduced(text, reduced, &scratch.segments, &scratch.left_out, &scratch.passed);
    Some(convert::module(tree.syntax(), &text, options))
}

struct Skimmer<'a> {
    bytes: &'a [u8],
    options: Options,
    reduced: Reduced<'a>,
    left_out: &'a mut Vec<LeftOut>,
    passed: &'a mut Vec<Passed>,
    /// The classes around the current line, the innermost last.
    classes: &'a mut Vec<Class>,
    /// The indentations of the blocks of the function body that is being left out.
    blocks: &'a mut Vec<Indent>,
    /// The last statement was a decorator.
    decorated: bool,
    /// Something that was kept may nest deeply.
    deep: bool,
}

impl Skimmer<'_> {
    fn module(&mut self) -> Option<()> {
        let mut line = 0;
        while line < self.bytes.len() {
            let (start, indent) = indent::measure(self.bytes, line)?;
            line = match self.bytes.get(start) {
                None => break,
                Some(b'\n') => start + 1,
                Some(b'#') => scan::line_end(self.bytes, start) + 1,
                Some(first) => {
                    self.leave_classes(indent)?;
                    let decorates = *first == b'@';
                    let end = self.statement(line, start, indent)?;
                    self.decorated = decorates;
                    end
                }
            };
        }
        self.reduced.flush()
    }

    /// Pops the classes that a line at `indent` is no longer in.
    fn leave_classes(&mut self, indent: Indent) -> Option<()> {
        while let Some(class) = self.classes.last_mut() {
            if indent.compare(class.indent)?.is_gt() {
                class.body.get_or_insert(indent);
                break;
            }
            self.classes.pop();
        }
        self.deep |= indent.columns > 100;
        Some(())
    }

    /// Reads the statement at `start` on the line that starts at `line`; past its end, and for a function
    /// past its body.
    fn statement(&mut self, line: usize, start: usize, indent: Indent) -> Option<usize> {
        let (word, after) = self.word(start);
        match word {
            b"def" => return self.function(line, after, indent),
            b"async" => {
                let next = kept::skip_blanks(self.bytes, after);
                if let (b"def", after) = self.word(next) {
                    return self.function(line, after, indent);
                }
            }
            b"class" => {
                let name = kept::skip_blanks(self.bytes, after);
                let end = self.whole(line, start)?;
                let name = self.reduced.parsed(name);
                self.classes.push(Class { indent, body: None, name, filled: false });
                return Some(end);
            }
            b"" | b"__all__" | b"__path__" | b"else" | b"try" | b"finally" | b"lambda" => {}
            _ => {
                if let Some(end) = self.assignment(line, start, after, indent) {
                    return Some(end);
                }
            }
        }
        self.whole(line, start)
    }

    /// The word at `at`, and where it ends.
    fn word(&self, at: usize) -> (&[u8], usize) {
        let rest = self.bytes.get(at..).unwrap_or_default();
        let length = rest.iter().position(|byte| !scan::is_word(*byte)).unwrap_or(rest.len());
        (rest.get(..length).unwrap_or_default(), at + length)
    }

    /// Keeps a piece of the original as it is.
    fn keep(&mut self, start: usize, end: usize) -> Option<()> {
        if let Some(class) = self.classes.last_mut() {
            class.filled = true;
        }
        self.reduced.keep(start, end)
    }

    /// Keeps a statement as it is.
    fn whole(&mut self, line: usize, start: usize) -> Option<usize> {
        let end = scan::logical_line(self.bytes, start)?.end;
        self.deep |= end - line > LONG;
        self.keep(line, end)?;
        Some(end)
    }

    /// Leaves out the assignment of a value that is kept as text to the name that stands from `start` to
    /// `after`, or only its value. `None` for any other statement.
    fn assignment(&mut self, line: usize, start: usize, after: usize, indent: Indent) -> Option<usize> {
        let mut at = kept::skip_blanks(self.bytes, after);
        let annotated = self.bytes.get(at) == Some(&b':');
        if annotated {
            at = self.annotation_end(at + 1)?;
        }
        if self.bytes.get(at) != Some(&b'=') || self.bytes.get(at + 1) == Some(&b'=') {
            return None;
        }
        let value = kept::skip_blanks(self.bytes, at + 1);
        let end = kept::value_end(self.bytes, value)?;
        let gap = match self.classes.last() {
            Some(class) => class.allows_gaps(indent),
            None => indent.columns == 0 && !self.reduced.is_empty(),
        };
        let name = self.bytes.get(start..after).unwrap_or_default();
        if gap && !annotated && !self.decorated && name.is_ascii() && !is_keyword(name) {
            self.leave_out((start, after), Some((value as u32, end as u32)))?;
        } else if end - value < SHORT {
            return None;
        } else {
            self.deep |= value - line > LONG;
            self.keep(line, value)?;
            let parsed = self.reduced.write("...\n")?;
            self.left_out.push(LeftOut { parsed, start: value as u32, end: end as u32 });
        }
        // Only a comment can stand behind it.
        Some(scan::line_end(self.bytes, end) + 1)
    }

    /// Leaves out a statement of which only the name matters, and the value.
    fn leave_out(&mut self, name: (usize, usize), value: Option<(u32, u32)>) -> Option<()> {
        let (parsed, line) = self.reduced.place(name.0)?;
        self.reduced.pass();
        let class = self.classes.last().map(|class| class.name);
        self.passed.push(Passed { parsed, class, name: (name.0 as u32, name.1 as u32), value, line });
        Some(())
    }

    /// Where the `=` behind an annotation stands; `None` if there is none.
    fn annotation_end(&self, mut at: usize) -> Option<usize> {
        loop {
            match *self.bytes.get(at)? {
                b'=' => return Some(at),
                b'\\' if self.bytes.get(at + 1) == Some(&b'\n') => at += 2,
                byte => match scan::class(byte) {
                    scan::Class::Plain => at += 1,
                    scan::Class::Quote => at = scan::string(self.bytes, at)?,
                    scan::Class::Open => at = scan::bracket(self.bytes, at)?.end,
                    _ => return None,
                },
            }
        }
    }

    /// Reads a function whose `def` ends at `after`; past its body.
    fn function(&mut self, line: usize, after: usize, indent: Indent) -> Option<usize> {
        let name = kept::skip_blanks(self.bytes, after);
        let (word, name_end) = self.word(name);
        if word.is_empty() {
            return None;
        }
        let simple = word.is_ascii() && !is_keyword(word);
        let head = self.head(name_end)?;
        let first = kept::skip_blanks(self.bytes, head.end);
        let on_one_line = !matches!(self.bytes.get(first), None | Some(b'\n' | b'#'));
        let wanted = if self.classes.is_empty() { self.options.functions } else { self.options.methods };
        if head.walrus && !wanted {
            // A default that binds a name outside.
            self.deep |= head.end - line > LONG;
            self.keep(line, head.end)?;
            self.reduced.write("...\n")?;
        } else if let Some(class) = self.classes.last().copied()
            && !wanted
        {
            if simple && !self.decorated && class.allows_gaps(indent) {
                self.leave_out((name, name_end), None)?;
            } else {
                self.keep(line, name_end)?;
                self.reduced.write("():...\n")?;
            }
        } else if !wanted {
            self.keep(line, name_end)?;
            self.reduced.write("():...\n")?;
        } else if on_one_line {
            return self.whole(line, name);
        } else {
            self.deep |= head.end - line > LONG;
            self.keep(line, head.end)?;
            let (start, end) = self.docstring(first, indent)?;
            if start < end {
                self.deep |= end - first > LONG;
                self.keep(head.end, end)?;
            } else {
                self.reduced.write("...\n")?;
            }
        }
        self.reduced.pass();
        if on_one_line {
            return scan::logical_line(self.bytes, first).map(|line| line.end);
        }
        self.body(scan::line_end(self.bytes, first) + 1, indent)
    }

    /// A function's head from the end of its name to the colon.
    fn head(&self, name_end: usize) -> Option<scan::Bracket> {
        let mut at = name_end;
        let mut walrus = false;
        let mut arrow = None;
        loop {
            let byte = *self.bytes.get(at)?;
            match scan::class(byte) {
                scan::Class::Plain => {
                    arrow = arrow.or((byte == b'>').then_some(at));
                    at += 1;
                }
                scan::Class::Quote => at = scan::string(self.bytes, at)?,
                scan::Class::Open => {
                    let bracket = scan::bracket(self.bytes, at)?;
                    walrus |= bracket.walrus;
                    at = bracket.end;
                }
                scan::Class::Colon => break,
                scan::Class::Backslash if self.bytes.get(at + 1) == Some(&b'\n') => at += 2,
                _ => return None,
            }
        }
        // The colon could be a lambda's.
        let returns = arrow.and_then(|arrow| self.bytes.get(arrow..at)).unwrap_or_default();
        let lambda = memchr::memmem::find(returns, b"lambda").is_some();
        (!lambda).then_some(scan::Bracket { end: at + 1, walrus })
    }

    /// The statement that is first in a body, if it starts as a string does, else nothing of it. The head's
    /// line ends behind `at`.
    fn docstring(&self, at: usize, indent: Indent) -> Option<(usize, usize)> {
        let mut line = scan::line_end(self.bytes, at) + 1;
        loop {
            let (start, inner) = indent::measure(self.bytes, line)?;
            match self.bytes.get(start)? {
                b'\n' => line = start + 1,
                b'#' => line = scan::line_end(self.bytes, start) + 1,
                // What starts on the next line is the parser's to read.
                b'\\' => return None,
                _ if !inner.compare(indent)?.is_gt() => return None,
                _ => {
                    let (word, end) = self.word(start);
                    let quoted = matches!(self.bytes.get(end), Some(b'\'' | b'"'));
                    if !quoted || word.len() > 2 {
                        return Some((start, start));
                    }
                    return scan::logical_line(self.bytes, start).map(|line| (start, line.end));
                }
            }
        }
    }

    /// Leaves out the body of a function whose `def` stands at `outer`: past its last statement.
    fn body(&mut self, mut line: usize, outer: Indent) -> Option<usize> {
        self.blocks.clear();
        self.blocks.push(outer);
        let mut opens_block = true;
        while line < self.bytes.len() {
            let (start, indent) = indent::measure(self.bytes, line)?;
            match self.bytes.get(start) {
                None => break,
                Some(b'\n') => line = start + 1,
                Some(b'#') => line = scan::line_end(self.bytes, start) + 1,
                Some(_) => {
                    let innermost = self.blocks.last()?;
                    match (indent.compare(*innermost)?, opens_block) {
                        (std::cmp::Ordering::Equal, false) => {}
                        (std::cmp::Ordering::Greater, true) => self.blocks.push(indent),
                        (std::cmp::Ordering::Less, false) => {
                            while self.blocks.last().is_some_and(|block| *block != indent) {
                                self.blocks.pop();
                            }
                            if self.blocks.len() < 2 {
                                // Out of the body, or to a depth at which no block stands.
                                return (!indent.compare(outer)?.is_gt()).then_some(line);
                            }
                        }
                        _ => return None,
                    }
                    let found = scan::logical_line(self.bytes, start)?;
                    opens_block = found.opens_block;
                    line = found.end;
                }
            }
        }
        (!opens_block).then_some(line)
    }
}

/// Words that cannot be assigned to: an error, which the parser will tell.
fn is_keyword(word: &[u8]) -> bool {
    matches!(
        word,
        b"False"
            | b"None"
            | b"True"
            | b"and"
            | b"as"
            | b"assert"
            | b"async"
            | b"await"
            | b"break"
            | b"class"
            | b"continue"
            | b"def"
            | b"del"
            | b"elif"
            | b"else"
            | b"except"
            | b"finally"
            | b"for"
            | b"from"
            | b"global"
            | b"if"
            | b"import"
            | b"in"
            | b"is"
            | b"lambda"
            | b"nonlocal"
            | b"not"
            | b"or"
            | b"pass"
            | b"raise"
            | b"return"
            | b"try"
            | b"while"
            | b"with"
            | b"yield"
            | b"__debug__"
    ) || word.first().is_some_and(u8::is_ascii_digit)
}
