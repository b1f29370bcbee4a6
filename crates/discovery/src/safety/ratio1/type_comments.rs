//! Type comments (`# type: int`) in places where Python's grammar has none for them.
//!
//! The checker that is reproduced here asks Python to read type comments, and then one in the wrong place is a
//! syntax error: the source is rejected whatever it does.

use ruff_python_ast::{
    ModModule, Stmt, StmtFunctionDef,
    token::TokenKind,
    visitor::{Visitor, walk_stmt},
};
use ruff_python_parser::Parsed;
use ruff_text_size::{Ranged, TextRange, TextSize};

/// The first that is out of place.
pub(super) fn misplaced(text: &str, tree: &Parsed<ModModule>) -> Option<TextSize> {
    memchr::memmem::find(text.as_bytes(), b"type:")?;
    let mut places = Places::default();
    places.visit_body(&tree.syntax().body);
    let tokens: Vec<_> = tree.tokens().iter().map(|token| (token.kind(), token.range())).collect();
    // Two signs before, and the one after: comments and breaks within a line do not count.
    let counts = |kind: TokenKind| !matches!(kind, TokenKind::Comment | TokenKind::NonLogicalNewline);
    let mut before: [Option<Token>; 2] = [None, None];
    let mut follows_another = false;
    for (index, token) in tokens.iter().copied().enumerate() {
        if counts(token.0) {
            before = [Some(token), before[0]];
            follows_another = false;
            continue;
        }
        if token.0 != TokenKind::Comment || !is_type_comment(text.get(token.1.to_std_range()).unwrap_or("")) {
            continue;
        }
        let after = tokens.iter().skip(index + 1).find(|(kind, _)| counts(*kind)).copied();
        if follows_another || !places.allow(token.1, before, after) {
            return Some(token.1.start());
        }
        follows_another = true;
    }
    None
}

type Token = (TokenKind, TextRange);

/// `# type: ` and something else than `ignore`.
fn is_type_comment(comment: &str) -> bool {
    let blanks = [' ', '\t'];
    let rest = comment.trim_start_matches('#');
    if comment.len() - rest.len() != 1 {
        return false;
    }
    let Some(rest) = rest.trim_start_matches(blanks).strip_prefix("type:") else { return false };
    let rest = rest.trim_start_matches(blanks);
    let is_ignore = rest.strip_prefix("ignore").is_some_and(|rest| {
        rest.chars().next().is_none_or(|next| next.is_ascii() && !next.is_ascii_alphanumeric())
    });
    !is_ignore
}

/// Where type comments may stand.
#[derive(Default)]
struct Places {
    /// Ends of assignments.
    assignments: Vec<TextSize>,
    /// From the end of what heads a `for` or `with` to its body.
    heads: Vec<TextRange>,
    /// The same for functions, where it may also stand on a line of its own.
    functions: Vec<TextRange>,
    /// Parameter lists, and the ends of parameters.
    lists: Vec<TextRange>,
    parameters: Vec<TextSize>,
}

impl Places {
    fn allow(&self, comment: TextRange, before: [Option<Token>; 2], after: Option<Token>) -> bool {
        let [Some(last), previous] = before else { return false };
        let ends_line = after.is_none_or(|(kind, _)| kind == TokenKind::Newline);
        let within = |ranges: &[TextRange]| {
            ranges.iter().any(|range| range.contains_range(comment) && last.1.start() >= range.start())
        };
        if ends_line && self.assignments.contains(&last.1.end()) {
            return true;
        }
        if last.0 == TokenKind::Colon && ends_line && (within(&self.heads) || within(&self.functions)) {
            return true;
        }
        if last.0 == TokenKind::Newline && within(&self.functions) {
            return true;
        }
        let Some(around) = self.lists.iter().find(|list| list.contains_range(comment)) else { return false };
        let is_end = |token: Token| self.parameters.contains(&token.1.end());
        let is_last =
            after.is_some_and(|(kind, range)| kind == TokenKind::Rpar && range.end() == around.end());
        (last.0 == TokenKind::Comma && previous.is_some_and(is_end)) || (is_end(last) && is_last)
    }

    fn function(&mut self, function: &StmtFunctionDef) {
        let head = function.returns.as_ref().map_or(function.parameters.end(), |returns| returns.end());
        if let Some(first) = function.body.first() {
            self.functions.push(TextRange::new(head, first.start()));
        }
        self.lists.push(function.parameters.range());
        self.parameters.extend(function.parameters.iter().map(|parameter| parameter.end()));
    }

    fn head(&mut self, from: TextSize, body: &[Stmt]) {
        if let Some(first) = body.first() {
            self.heads.push(TextRange::new(from, first.start()));
        }
    }
}

impl<'a> Visitor<'a> for Places {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Assign(assign) => self.assignments.push(assign.end()),
            Stmt::For(each) => self.head(each.iter.end(), &each.body),
            Stmt::With(with) => {
                let end = with.items.last().map_or(with.start(), Ranged::end);
                self.head(end, &with.body);
            }
            Stmt::FunctionDef(function) => self.function(function),
            _ => {}
        }
        walk_stmt(self, stmt);
    }

    // Expressions hold no statements.
    fn visit_expr(&mut self, _: &'a ruff_python_ast::Expr) {}
}
