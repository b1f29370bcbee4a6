//! Expressions: what can be folded keeps its shape, the rest its reason and its line.

use ruff_python_ast::{
    Arguments, Expr as Ast, ExprCall, ExprFString, FStringPart, InterpolatedStringElement, Number,
    Operator as AstOperator, UnaryOp,
};
use ruff_text_size::Ranged;

use super::{
    super::{
        facts::{Call, Expr, FormatPart, Operator, UnaryOperator},
        literals,
    },
    Converter,
};

/// How deeply the expressions of facts nest.
const MAX_DEPTH: u32 = 100;

impl Converter<'_> {
    pub(super) fn expression(&self, expr: &Ast) -> Expr {
        let depth = self.depth.get();
        if depth >= MAX_DEPTH {
            return self.dynamic("nested too deeply", expr);
        }
        self.depth.set(depth + 1);
        let result = self.expression_here(expr);
        self.depth.set(depth);
        result
    }

    fn expression_here(&self, expr: &Ast) -> Expr {
        if is_closed(expr) {
            return Expr::Literal(self.text.of(expr.range()).to_owned());
        }
        let boxed = |expr: &Ast| Box::new(self.expression(expr));
        match expr {
            Ast::Name(name) => Expr::Name(name.id.to_string()),
            Ast::Attribute(attribute) => {
                Expr::Attribute(boxed(&attribute.value), attribute.attr.as_str().to_owned())
            }
            Ast::Subscript(subscript) => Expr::Subscript(boxed(&subscript.value), boxed(&subscript.slice)),
            Ast::BinOp(operation) => match operator(operation.op) {
                Some(operator) => Expr::Binary(operator, boxed(&operation.left), boxed(&operation.right)),
                None => self.dynamic("a matrix product", expr),
            },
            Ast::UnaryOp(operation) => Expr::Unary(unary_operator(operation.op), boxed(&operation.operand)),
            Ast::FString(string) => {
                let parts = self.f_string(string);
                // The parser puts the replacement character in the place of half a surrogate pair.
                let replaced = parts.iter().any(|part| match part {
                    FormatPart::Text(text) => text.contains(char::REPLACEMENT_CHARACTER),
                    FormatPart::Field { .. } => false,
                });
                if replaced && literals::has_surrogate(self.text.of(expr.range())) {
                    self.dynamic("a string with half a surrogate pair", expr)
                } else {
                    Expr::Format(parts)
                }
            }
            Ast::Tuple(tuple) => Expr::Tuple(self.expressions(&tuple.elts)),
            Ast::List(list) => Expr::List(self.expressions(&list.elts)),
            Ast::Set(set) => Expr::Set(self.expressions(&set.elts)),
            Ast::Dict(dict) => Expr::Dict(
                dict.items
                    .iter()
                    .map(|item| {
                        (item.key.as_ref().map(|key| self.expression(key)), self.expression(&item.value))
                    })
                    .collect(),
            ),
            Ast::Starred(starred) => Expr::Starred(boxed(&starred.value)),
            Ast::Call(call) => Expr::Call(Box::new(self.call(call))),
            // `(name := value)` is its value; the name is bound where the statement is converted.
            Ast::Named(named) => self.expression(&named.value),
            _ => self.dynamic(reason(expr), expr),
        }
    }

    pub(super) fn expressions(&self, list: &[Ast]) -> Vec<Expr> {
        list.iter().map(|expr| self.expression(expr)).collect()
    }

    fn call(&self, call: &ExprCall) -> Call {
        let Arguments { args, keywords, .. } = &call.arguments;
        Call {
            function: self.expression(&call.func),
            arguments: self.expressions(args),
            keywords: keywords
                .iter()
                .map(|keyword| {
                    (
                        keyword.arg.as_ref().map(|name| name.as_str().to_owned()),
                        self.expression(&keyword.value),
                    )
                })
                .collect(),
            line: self.text.line(call.start()),
        }
    }

    fn dynamic(&self, reason: &str, expr: &Ast) -> Expr {
        Expr::Dynamic { reason: reason.to_owned(), line: self.text.line(expr.start()) }
    }

    fn f_string(&self, string: &ExprFString) -> Vec<FormatPart> {
        let mut parts = Vec::new();
        for part in &string.value {
            match part {
                FStringPart::Literal(literal) => push_text(&mut parts, literal.as_str()),
                FStringPart::FString(string) => self.format_parts(&string.elements, &mut parts),
            }
        }
        parts
    }

    fn format_parts(&self, elements: &[InterpolatedStringElement], parts: &mut Vec<FormatPart>) {
        for element in elements {
            match element {
                InterpolatedStringElement::Literal(text) => push_text(parts, text),
                InterpolatedStringElement::Interpolation(field) => {
                    let mut conversion = field.conversion.to_char();
                    if let Some(debug) = &field.debug_text {
                        push_text(parts, debug.leading());
                        push_text(parts, debug.expression());
                        push_text(parts, debug.trailing());
                        if conversion.is_none() && field.format_spec.is_none() {
                            conversion = Some('r');
                        }
                    }
                    let mut spec = Vec::new();
                    if let Some(elements) = &field.format_spec {
                        self.format_parts(&elements.elements, &mut spec);
                    }
                    parts.push(FormatPart::Field {
                        value: self.expression(&field.expression),
                        conversion,
                        spec,
                    });
                }
            }
        }
    }
}

fn push_text(parts: &mut Vec<FormatPart>, text: &str) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(FormatPart::Text(last)) => last.push_str(text),
        _ => parts.push(FormatPart::Text(text.to_owned())),
    }
}

/// Whether an expression is a literal that names nothing.
pub(in crate::python) fn is_closed(expr: &Ast) -> bool {
    match expr {
        Ast::StringLiteral(_)
        | Ast::BytesLiteral(_)
        | Ast::NumberLiteral(_)
        | Ast::BooleanLiteral(_)
        | Ast::NoneLiteral(_)
        | Ast::EllipsisLiteral(_) => true,
        Ast::UnaryOp(operation) => {
            operation.op == UnaryOp::USub && operation.operand.is_number_literal_expr()
        }
        Ast::Tuple(tuple) => tuple.elts.iter().all(is_closed),
        Ast::List(list) => list.elts.iter().all(is_closed),
        Ast::Set(set) => set.elts.iter().all(is_closed),
        Ast::Dict(dict) => {
            dict.items.iter().all(|item| item.key.as_ref().is_some_and(is_closed) && is_closed(&item.value))
        }
        _ => false,
    }
}

/// The truth of an expression that is the same at every run; `TYPE_CHECKING` is always false.
pub(super) fn truth(expr: &Ast) -> Option<bool> {
    match expr {
        Ast::BooleanLiteral(literal) => Some(literal.value),
        Ast::NoneLiteral(_) => Some(false),
        Ast::NumberLiteral(literal) => match &literal.value {
            Number::Int(value) => Some(*value != 0),
            Number::Float(_) | Number::Complex { .. } => None,
        },
        Ast::Name(name) => (name.id.as_str() == "TYPE_CHECKING").then_some(false),
        Ast::Attribute(attribute) => {
            (attribute.attr.as_str() == "TYPE_CHECKING" && attribute.value.is_name_expr()).then_some(false)
        }
        Ast::UnaryOp(operation) if operation.op == UnaryOp::Not => {
            truth(&operation.operand).map(|truth| !truth)
        }
        _ => None,
    }
}

fn reason(expr: &Ast) -> &'static str {
    match expr {
        Ast::BoolOp(_) => "a boolean operation",
        Ast::Compare(_) => "a comparison",
        Ast::If(_) => "a conditional expression",
        Ast::Lambda(_) => "a lambda",
        Ast::ListComp(_) | Ast::SetComp(_) | Ast::DictComp(_) => "a comprehension",
        Ast::Generator(_) => "a generator",
        Ast::Slice(_) => "a slice",
        Ast::TString(_) => "a template string",
        Ast::Await(_) | Ast::Yield(_) | Ast::YieldFrom(_) => "a value that is awaited or yielded",
        _ => "an expression that is not constant",
    }
}

pub(super) fn operator(operator: AstOperator) -> Option<Operator> {
    Some(match operator {
        AstOperator::Add => Operator::Add,
        AstOperator::Sub => Operator::Sub,
        AstOperator::Mult => Operator::Mult,
        AstOperator::Div => Operator::Div,
        AstOperator::FloorDiv => Operator::FloorDiv,
        AstOperator::Mod => Operator::Mod,
        AstOperator::Pow => Operator::Pow,
        AstOperator::LShift => Operator::LShift,
        AstOperator::RShift => Operator::RShift,
        AstOperator::BitOr => Operator::BitOr,
        AstOperator::BitAnd => Operator::BitAnd,
        AstOperator::BitXor => Operator::BitXor,
        AstOperator::MatMult => return None,
    })
}

fn unary_operator(operator: UnaryOp) -> UnaryOperator {
    match operator {
        UnaryOp::USub => UnaryOperator::Minus,
        UnaryOp::UAdd => UnaryOperator::Plus,
        UnaryOp::Invert => UnaryOperator::Invert,
        UnaryOp::Not => UnaryOperator::Not,
    }
}
