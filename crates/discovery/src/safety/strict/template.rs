//! Format strings that are written in the source.

/// Whether a format string reads attributes or items of what it formats, at any depth.
pub(super) fn reaches(template: &str) -> bool {
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (mark, after) = rest.split_at(at).1.split_at(1);
        if let Some(doubled) = after.strip_prefix(mark) {
            rest = doubled;
        } else if mark == "}" {
            // Python refuses it.
            rest = after;
        } else {
            let (field, next) = field(after);
            let name = field.split(['!', ':']).next().unwrap_or("");
            let format = field.split_at(name.len()).1;
            // A field within a field is looked at as a string of its own.
            if name.contains(['.', '[', '{']) || reaches(format) {
                return true;
            }
            rest = next;
        }
    }
    false
}

/// What is between braces, and what is behind them. One without an end is an error to Python.
fn field(text: &str) -> (&str, &str) {
    let mut depth = 1_u32;
    for (at, sign) in text.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let (field, rest) = text.split_at(at);
            return (field, rest.split_at(1).1);
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::reaches;

    #[test]
    fn attributes_and_items_are_found_at_any_depth() {
        for template in ["{0.x}", "a {{ {b[0]} }}", "{:{0.x}}", "{0!r:{1[a]}}", "{0.x", "{:>{w}}{a.b}"] {
            assert!(reaches(template), "{template}");
        }
        for template in ["", "{}", "{0} {name!r:>{width}.3f}", "{{0.x}}", "a.b[0]", "}{", "{:.2f}"] {
            assert!(!reaches(template), "{template}");
        }
    }
}
