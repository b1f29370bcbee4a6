//! Functions, and the decorators of functions and classes.

use super::{File, InFile, Symbols, dynamic};
use crate::{
    plugin::{Decorator, Plugin},
    python::{
        facts::{Binding, Bound, Expr},
        link::{FunctionPayload, visible},
        literals::{self, dotted},
        signature,
    },
    value::Value,
};

/// A doubt of what is bound more than once.
pub(super) const SEVERAL: &str = "is defined several times: which one stays is decided while running";

pub(super) fn function(file: &File, payload: &FunctionPayload, plugin: &mut Plugin) {
    let at = payload.function as usize;
    let (Some(function), Some(details)) = (file.structure.functions.get(at), file.details.functions.get(at))
    else {
        return;
    };
    plugin.qualname = Some(function.name.clone());
    plugin.doc.clone_from(&details.doc);
    let mut scope = InFile::defaults(file, None);
    plugin.signature = Some(signature::signature(details, function.is_async, function.line, &mut scope));
    plugin.exports.clone_from(&payload.exports);
    plugin.signature_doubts.extend(payload.doubt.clone());
    // A name under which it is exposed was followed through all modules.
    if payload.exports.is_empty() {
        plugin.signature_doubts.extend(rebound(&file.structure.bindings, &Bound::Function(payload.function)));
    }
    for attribute in &function.assigned {
        plugin.signature_doubts.push(format!("its {attribute} is assigned while the module runs"));
    }
    for (at, expr) in function.decorators.iter().enumerate() {
        let known = payload.decorators.get(at).and_then(Option::as_deref);
        if !known.is_some_and(signature::is_harmless) {
            plugin.signature_doubts.push(decorated_by(expr));
        }
    }
    decorators(file, function.line, &function.decorators, &payload.symbols, plugin);
}

/// Why a name may stand for something else than this definition, or for nothing, once its scope was executed.
pub(super) fn rebound(scope: &[Binding], definition: &Bound) -> Option<String> {
    let own = scope.iter().position(|binding| binding.bound == *definition)?;
    let name = &scope.get(own)?.name;
    match visible(scope, u32::MAX, name) {
        (found, true) if *found == [own as u32] => {}
        (found, _) if *found == [own as u32] => {
            return Some("is defined under a condition, which is decided while running".to_owned());
        }
        _ => return Some(SEVERAL.to_owned()),
    }
    let star = scope.iter().skip(own).find(|later| matches!(later.bound, Bound::Star(_)))?;
    Some(format!("stands before a star import on line {}, which may bind it anew", star.line))
}

pub(super) fn decorators(
    file: &File,
    line: u32,
    decorators: &[Expr],
    symbols: &[(String, Value)],
    plugin: &mut Plugin,
) {
    for expr in decorators {
        let (callee, call) = match expr {
            Expr::Call(call) => (&call.function, Some(call)),
            other => (other, None),
        };
        let name = dotted(callee).unwrap_or_else(|| "a computed decorator".to_owned());
        let line = call.map_or(line, |call| call.line);
        let mut fold = |expr: &Expr| match literals::fold(expr, &mut Symbols(symbols)) {
            Ok(value) => Some(value),
            Err(unknown) => {
                plugin.dynamic.push(dynamic(&format!("@{name}"), file, line, &unknown.reason));
                None
            }
        };
        let mut arguments = Vec::new();
        let mut keywords = Vec::new();
        if let Some(call) = call {
            arguments = call.arguments.iter().map(&mut fold).collect();
            for (keyword, value) in &call.keywords {
                keywords.push((keyword.clone().unwrap_or_else(|| "**".to_owned()), fold(value)));
            }
        }
        plugin.decorators.push(Decorator { name, called: call.is_some(), arguments, keywords });
    }
}

/// Why what a decorator makes of a function is not known.
pub(super) fn decorated_by(expr: &Expr) -> String {
    let callee = if let Expr::Call(call) = expr { &call.function } else { expr };
    let name = dotted(callee).unwrap_or_else(|| "a computed decorator".to_owned());
    format!("decorated by {name}, which may change parameters and docstring")
}
