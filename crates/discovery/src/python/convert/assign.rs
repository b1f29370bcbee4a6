//! Assignments: plain, chained, unpacked, augmented, annotated; and `__all__`.

use ruff_python_ast::{Expr as Ast, Operator, StmtAnnAssign, StmtAssign, StmtAugAssign};
use ruff_text_size::Ranged;

use super::{
    super::{
        facts::{All, Bound, Expr, Parameter, ParameterKind},
        kept,
    },
    Converter,
    expression::operator,
    scope::{Assigned, Names, Where},
};

impl<'a> Converter<'a> {
    pub(super) fn assign(&mut self, statement: &StmtAssign, names: &mut Names, place: Where) {
        let after = statement.targets.last().map_or(statement.start(), Ranged::end);
        let source = self.text.assigned(after, &statement.value, statement.end());
        let value = self.assigned_value(source, &statement.value);
        for target in &statement.targets {
            if place.class.is_none() && self.attaches(target, &statement.value, names, place) {
                continue;
            }
            match target {
                Ast::Name(name) => {
                    self.module_name(name.id.as_str(), &statement.value, target, place);
                    names.assign(name.id.as_str(), value.clone(), place, self.text.line(name.start()));
                }
                Ast::Tuple(_) | Ast::List(_) => self.unpack(target, Some(&statement.value), names, place),
                _ => self.dynamic_target(target, place),
            }
        }
    }

    pub(super) fn annotated(&mut self, statement: &StmtAnnAssign, names: &mut Names, place: Where) {
        let Ast::Name(name) = &*statement.target else {
            self.dynamic_target(&statement.target, place);
            return;
        };
        let line = self.text.line(name.start());
        let value = statement
            .value
            .as_deref()
            .map(|value| (value, self.text.assigned(statement.annotation.end(), value, statement.end())));
        if statement.simple && place.class.is_some() {
            names.fields.push(Parameter {
                name: name.id.to_string(),
                kind: ParameterKind::Field,
                annotation: Some(self.text.of(statement.annotation.range()).to_owned()),
                default: value.map(|(_, (source, _))| source.to_owned()),
                doc: if self.options.methods { self.text.comment(line) } else { None },
            });
        }
        match value {
            Some((value, source)) => {
                self.module_name(name.id.as_str(), value, &statement.target, place);
                names.assign(name.id.as_str(), self.assigned_value(source, value), place, line);
            }
            None if statement.simple => names.bind(name.id.as_str(), Bound::Declared, place, line),
            None => {}
        }
    }

    pub(super) fn augmented(&mut self, statement: &StmtAugAssign, names: &mut Names, place: Where) {
        let Ast::Name(name) = &*statement.target else {
            self.dynamic_target(&statement.target, place);
            return;
        };
        let line = self.text.line(name.start());
        if place.class.is_none() {
            match name.id.as_str() {
                "__all__" if statement.op == Operator::Add => {
                    let mut all = self.structure.all.take().unwrap_or_default();
                    self.add_to_all(&mut all, &statement.value);
                    self.structure.all = Some(all);
                }
                "__all__" => self.structure.all.get_or_insert_default().dynamic = true,
                "__path__" => {
                    self.report("__path__", &statement.target, "changes where submodules are found");
                }
                _ => {}
            }
        }
        let Some(operator) = operator(statement.op) else {
            names.unknown(name.id.as_str(), "a matrix product", place, line);
            return;
        };
        let before = Box::new(Expr::Name(name.id.to_string()));
        let value = Expr::Binary(operator, before, Box::new(self.expression(&statement.value)));
        names.assign(name.id.as_str(), Assigned::Value(value), place, line);
    }

    /// What was left out is kept as text; the rest is judged by its bytes.
    fn assigned_value(&self, (source, left_out): (&'a str, bool), value: &Ast) -> Assigned<'a> {
        if left_out || kept::is_kept(source) {
            Assigned::Text(source)
        } else {
            Assigned::Value(self.expression(value))
        }
    }

    /// Binds the names of a target to the parts of a value, where those can be told apart.
    pub(super) fn unpack(&mut self, target: &Ast, value: Option<&Ast>, names: &mut Names, place: Where) {
        let targets = match target {
            Ast::Tuple(tuple) => &tuple.elts,
            Ast::List(list) => &list.elts,
            Ast::Starred(starred) => return self.unpack(&starred.value, None, names, place),
            Ast::Name(name) => {
                let line = self.text.line(name.start());
                match value {
                    Some(value) => {
                        let value = self.assigned_value((self.text.of(value.range()), false), value);
                        names.assign(name.id.as_str(), value, place, line);
                    }
                    None => names.unknown(name.id.as_str(), "unpacked from a computed value", place, line),
                }
                return;
            }
            _ => return self.dynamic_target(target, place),
        };
        let values: Option<&[Ast]> = match value {
            Some(Ast::Tuple(tuple)) => Some(&tuple.elts),
            Some(Ast::List(list)) => Some(&list.elts),
            _ => None,
        };
        let values = values.filter(|values| {
            values.len() == targets.len() && !values.iter().chain(targets).any(Ast::is_starred_expr)
        });
        for (number, target) in targets.iter().enumerate() {
            self.unpack(target, values.and_then(|values| values.get(number)), names, place);
        }
    }

    /// Binds the names of a target to what only running can tell.
    pub(super) fn bind_unknown(&mut self, target: &Ast, reason: &str, names: &mut Names, place: Where) {
        match target {
            Ast::Name(name) => {
                let line = self.text.line(name.start());
                names.unknown(name.id.as_str(), reason, place.maybe(), line);
            }
            Ast::Tuple(tuple) => {
                tuple.elts.iter().for_each(|target| self.bind_unknown(target, reason, names, place));
            }
            Ast::List(list) => {
                list.elts.iter().for_each(|target| self.bind_unknown(target, reason, names, place));
            }
            Ast::Starred(starred) => self.bind_unknown(&starred.value, reason, names, place),
            _ => self.dynamic_target(target, place),
        }
    }

    /// Names that mean something to the import system when a module assigns them.
    fn module_name(&mut self, name: &str, value: &Ast, target: &Ast, place: Where) {
        if place.class.is_some() {
            return;
        }
        if name == "__path__" {
            self.report(name, target, "changes where submodules are found");
        } else if name == "__all__" {
            let mut all = All::default();
            if place.conditional {
                // Another branch may have listed other names: all of them count.
                all = self.structure.all.take().unwrap_or_default();
            }
            self.add_to_all(&mut all, value);
            self.structure.all = Some(all);
        }
    }

    /// Adds what `value` lists to `__all__`.
    pub(super) fn add_to_all(&self, all: &mut All, value: &Ast) {
        let elements = match value {
            Ast::List(list) => &list.elts,
            Ast::Tuple(tuple) => &tuple.elts,
            Ast::BinOp(operation) if operation.op == Operator::Add => {
                self.add_to_all(all, &operation.left);
                self.add_to_all(all, &operation.right);
                return;
            }
            // The names that it has already.
            Ast::Name(name) if name.id.as_str() == "__all__" => return,
            Ast::Attribute(attribute) if attribute.attr.as_str() == "__all__" => {
                all.from.push(self.expression(&attribute.value));
                return;
            }
            _ => {
                all.dynamic = true;
                return;
            }
        };
        for element in elements {
            match element {
                Ast::StringLiteral(string) => all.names.push(string.value.to_str().to_owned()),
                Ast::Starred(starred) => self.add_to_all(all, &starred.value),
                _ => all.dynamic = true,
            }
        }
    }
}
