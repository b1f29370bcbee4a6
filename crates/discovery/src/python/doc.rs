//! Docstrings, cleaned as `inspect.cleandoc` does: tabs expanded, the common margin of all lines but the
//! first removed, empty lines at both ends dropped.

/// `inspect.cleandoc(text)`.
pub(super) fn clean(text: &str) -> String {
    let expanded = expand_tabs(text);
    let mut lines: Vec<&str> = expanded.split('\n').collect();
    let margin = lines
        .iter()
        .skip(1)
        .filter(|line| line.chars().any(|c| !is_space(c)))
        .map(|line| line.chars().take_while(|c| is_space(*c)).count())
        .min();
    for (number, line) in lines.iter_mut().enumerate() {
        if number == 0 {
            *line = line.trim_start_matches(is_space);
        } else if let Some(margin) = margin {
            let cut = line.char_indices().nth(margin).map_or(line.len(), |(at, _)| at);
            *line = line.get(cut..).unwrap_or_default();
        }
    }
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    let first = lines.iter().position(|line| !line.is_empty()).unwrap_or(lines.len());
    lines.get(first..).unwrap_or_default().join("\n")
}

/// `str.isspace` for one character: Unicode white space and the four separators of ASCII.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\x1c'..='\x1f')
}

fn expand_tabs(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains('\t') {
        return text.into();
    }
    let mut result = String::with_capacity(text.len() + 16);
    let mut column = 0;
    for c in text.chars() {
        match c {
            '\t' => {
                let spaces = 8 - column % 8;
                result.extend(std::iter::repeat_n(' ', spaces));
                column += spaces;
                continue;
            }
            '\n' | '\r' => column = 0,
            _ => column += 1,
        }
        result.push(c);
    }
    result.into()
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn as_inspect_cleandoc() {
        assert_eq!(clean("  One.\n\n    Two\n      three\n    "), "One.\n\nTwo\n  three");
        assert_eq!(clean("\n\tA\n\t  b\n"), "A\n  b");
        assert_eq!(clean(""), "");
        assert_eq!(clean("\n \n  \n"), " \n  ");
        assert_eq!(clean("a\tb"), "a       b");
    }
}
