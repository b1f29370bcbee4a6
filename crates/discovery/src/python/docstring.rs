//! What a docstring says of parameters: in numpy's, Google's and Sphinx's style.
//!
//! A reader of sections that never fails: what it does not recognise belongs to the text around it.

/// The parts of a docstring that are of use beside a signature.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Docstring {
    /// The first paragraph, on one line.
    pub summary: String,
    /// Names of parameters or attributes, and what is said of them, paragraphs kept.
    pub parameters: Vec<(String, String)>,
    /// What is said of the result.
    pub returns: Option<String>,
}

/// What a section is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Parameters,
    Returns,
    Other,
}

impl Docstring {
    /// Reads a docstring that was cleaned as `inspect.cleandoc` does.
    pub fn parse(text: &str) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let mut found = Self { summary: summary(&lines), ..Self::default() };
        let mut at = 0;
        while let Some(line) = lines.get(at) {
            let next = lines.get(at + 1).copied().unwrap_or_default();
            if is_underline(next)
                && let Some(about) = section(line)
            {
                let end = (at + 2..lines.len()).find(|at| starts_section(&lines, *at)).unwrap_or(lines.len());
                found.numpy(about, lines.get(at + 2..end).unwrap_or_default());
                at = end;
            } else if let Some(about) = line.strip_suffix(':').filter(|_| indent(line) == 0).and_then(section)
                && indent(first_filled(&lines, at + 1)) > 0
            {
                let ends =
                    |at: &usize| lines.get(*at).is_some_and(|line| !is_blank(line) && indent(line) == 0);
                let end = (at + 1..lines.len()).find(ends).unwrap_or(lines.len());
                found.google(about, lines.get(at + 1..end).unwrap_or_default());
                at = end;
            } else if line.trim_start().starts_with(':') {
                let margin = indent(line);
                let ends =
                    |at: &usize| lines.get(*at).is_some_and(|line| is_blank(line) || indent(line) <= margin);
                let end = (at + 1..lines.len()).find(ends).unwrap_or(lines.len());
                found.sphinx(line.trim(), lines.get(at + 1..end).unwrap_or_default());
                at = end;
            } else {
                at += 1;
            }
        }
        found
    }

    /// What is said of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, text)| text.as_str()).filter(|text| !text.is_empty())
    }

    /// `x, y : array of int`, and what is indented below.
    fn numpy(&mut self, about: About, lines: &[&str]) {
        let margin = lines.iter().find(|line| !is_blank(line)).map_or(0, |line| indent(line));
        let mut at = 0;
        while let Some(line) = lines.get(at) {
            at += 1;
            if is_blank(line) || indent(line) > margin {
                continue;
            }
            let ends =
                |at: &usize| lines.get(*at).is_some_and(|line| !is_blank(line) && indent(line) <= margin);
            let end = (at..lines.len()).find(ends).unwrap_or(lines.len());
            let text = dedented(lines.get(at..end).unwrap_or_default());
            let head = line.trim();
            let names = head.split_once(" :").map_or(head, |(names, _)| names);
            let names = names.split_once(": ").map_or(names, |(names, _)| names);
            match about {
                About::Parameters => self.add(names, &text),
                About::Returns => {
                    let text = if text.is_empty() { head.to_owned() } else { text };
                    self.returns.get_or_insert(text);
                }
                About::Other => {}
            }
            at = end;
        }
    }

    /// `x (int): what it is`, and what is indented deeper.
    fn google(&mut self, about: About, lines: &[&str]) {
        let margin = lines.iter().find(|line| !is_blank(line)).map_or(0, |line| indent(line));
        if about == About::Returns {
            self.returns.get_or_insert(dedented(lines));
        }
        if about != About::Parameters {
            return;
        }
        let mut at = 0;
        while let Some(line) = lines.get(at) {
            at += 1;
            if is_blank(line) || indent(line) > margin {
                continue;
            }
            let ends =
                |at: &usize| lines.get(*at).is_some_and(|line| !is_blank(line) && indent(line) <= margin);
            let end = (at..lines.len()).find(ends).unwrap_or(lines.len());
            let Some((head, text)) = split_head(line.trim()) else { continue };
            let names = head.split_once('(').map_or(head, |(names, _)| names);
            let rest = dedented(lines.get(at..end).unwrap_or_default());
            let text =
                [text.trim(), &*rest].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>();
            self.add(names, &text.join("\n"));
            at = end;
        }
    }

    /// `:param int x: what it is`, and what is indented deeper.
    fn sphinx(&mut self, line: &str, below: &[&str]) {
        let Some((head, text)) = line.strip_prefix(':').and_then(|rest| rest.split_once(':')) else { return };
        let rest = dedented(below);
        let text = [text.trim(), &*rest].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>();
        let text = text.join("\n");
        let (field, name) = head.split_once(char::is_whitespace).unwrap_or((head, ""));
        match field {
            "param" | "parameter" | "arg" | "argument" | "key" | "keyword" | "ivar" | "cvar" | "var" => {
                self.add(name.split_whitespace().last().unwrap_or_default(), &text);
            }
            "return" | "returns" => {
                self.returns.get_or_insert(text);
            }
            _ => {}
        }
    }

    fn add(&mut self, names: &str, text: &str) {
        for name in names.split(',') {
            let name = name.trim().trim_start_matches('*').trim_matches('`').trim_start_matches("\\*");
            let is_name = !name.is_empty() && name.chars().all(|c| c == '_' || c.is_alphanumeric());
            if is_name && !self.parameters.iter().any(|(known, _)| known == name) {
                self.parameters.push((name.to_owned(), text.to_owned()));
            }
        }
    }
}

fn section(title: &str) -> Option<About> {
    Some(match title.trim().to_ascii_lowercase().as_str() {
        "parameters" | "other parameters" | "args" | "arguments" | "attributes" | "keyword args"
        | "keyword arguments" | "params" | "keyword parameters" => About::Parameters,
        "returns" | "return" | "yields" => About::Returns,
        "raises" | "examples" | "example" | "notes" | "note" | "references" | "see also" | "warnings"
        | "warns" | "methods" | "receives" | "todo" | "warning" => About::Other,
        _ => return None,
    })
}

/// Whether a numpy section starts here: any title with a line of dashes below.
fn starts_section(lines: &[&str], at: usize) -> bool {
    let (Some(title), Some(below)) = (lines.get(at), lines.get(at + 1)) else { return false };
    !is_blank(title) && indent(title) == 0 && is_underline(below) && !is_underline(title)
}

fn is_underline(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 3 && line.chars().all(|c| c == '-' || c == '=')
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

fn indent(line: &str) -> usize {
    line.chars().take_while(|c| c.is_whitespace()).count()
}

fn first_filled<'a>(lines: &[&'a str], at: usize) -> &'a str {
    lines.get(at..).unwrap_or_default().iter().find(|line| !is_blank(line)).copied().unwrap_or_default()
}

fn summary(lines: &[&str]) -> String {
    let first = lines.iter().skip_while(|line| is_blank(line));
    let words: Vec<&str> = first.take_while(|line| !is_blank(line)).map(|line| line.trim()).collect();
    words.join(" ")
}

/// Lines without their common margin and without blank lines at the ends.
fn dedented(lines: &[&str]) -> String {
    let margin = lines.iter().filter(|line| !is_blank(line)).map(|line| indent(line)).min().unwrap_or(0);
    let cut =
        |line: &&str| line.char_indices().nth(margin).map_or("", |(at, _)| line.split_at(at).1).to_owned();
    let lines: Vec<String> = lines.iter().map(cut).collect();
    lines.join("\n").trim_matches('\n').trim_end().to_owned()
}

/// Splits at the first colon that is not in brackets.
fn split_head(line: &str) -> Option<(&str, &str)> {
    let mut depth = 0_u32;
    for (at, c) in line.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => return Some((line.split_at(at).0, line.split_at(at + 1).1)),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Docstring;

    fn said(text: &str) -> Vec<(String, String)> {
        Docstring::parse(text).parameters
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn numpy() {
        let text = "Blur it\nwell.\n\nMore.\n\nParameters\n----------\nimage : array\n    What.\n\n    Second.\n\
                    a, b : int, optional\n    Both.\n*args\n    Rest.\n\nReturns\n-------\nout : array\n    It.\n\n\
                    Notes\n-----\nx : no\n    Not one.\n";
        let found = Docstring::parse(text);
        assert_eq!(found.summary, "Blur it well.");
        let expected = [("image", "What.\n\nSecond."), ("a", "Both."), ("b", "Both."), ("args", "Rest.")];
        assert_eq!(found.parameters, pairs(&expected));
        assert_eq!(found.returns.as_deref(), Some("It."));
    }

    #[test]
    fn google() {
        let text = "Blur.\n\nArgs:\n    image (dict[str, int]): What: this.\n        More.\n    **kw: Rest.\n\n\
                    Returns:\n    int: It.\n\nNote:\n    x: no.";
        assert_eq!(said(text), pairs(&[("image", "What: this.\nMore."), ("kw", "Rest.")]));
        assert_eq!(Docstring::parse(text).returns.as_deref(), Some("int: It."));
    }

    #[test]
    fn sphinx() {
        let text =
            "Blur.\n\n:param image: What.\n    More.\n:param int size: How.\n:type size: int\n:returns: It.";
        assert_eq!(said(text), pairs(&[("image", "What.\nMore."), ("size", "How.")]));
        assert_eq!(Docstring::parse(text).returns.as_deref(), Some("It."));
    }

    #[test]
    fn anything_is_read() {
        for text in
            ["", ":", "::", "\n\n", "Args:", "Parameters\n---", ":param:", ":param : x", "a\n---\n é : b"]
        {
            Docstring::parse(text);
        }
    }
}
