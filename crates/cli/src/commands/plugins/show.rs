//! `plugcache plugins show NAME`: everything that is known of one plugin.

use plugcache::discovery::{
    plugin::{Decorator, Parameter, Signature},
    python::facts::ParameterKind,
};
use serde::Serialize;

use super::{place, resolve};
use crate::{
    args::Select,
    commands::Outcome,
    output::{DIM, Failure, Output, STRONG},
    settings,
};

/// Longer values are cut in the view for people.
const WIDEST: usize = 160;

pub(super) fn run(name: &str, select: &Select, output: &Output) -> Result<Outcome, Failure> {
    if output.is_json() {
        return resolve::run(name, select, output);
    }
    let answer = settings::resolver(select)?.resolve(name);
    let found = match &answer.outcome {
        Ok(found) => found,
        Err(error) => return resolve::not_found(error, &answer, output),
    };
    let plugin = &found.plugin;
    output.line(format!("{STRONG}{}{STRONG:#}  {DIM}{}{DIM:#}", plugin.name, plugin.kind))?;
    let mut rows = vec![pair("defined in", &place(plugin))];
    if let (Some(module), Some(qualname)) = (&plugin.module, &plugin.qualname) {
        rows.push(pair("is", &format!("{module}:{qualname}")));
    }
    rows.extend(plugin.bases.iter().map(|base| pair("base", base)));
    rows.extend(plugin.decorators.iter().map(|decorator| pair("decorator", &call(decorator))));
    rows.extend(plugin.signature.iter().map(|signature| pair("signature", &head(signature))));
    rows.extend(plugin.fields.iter().map(|field| pair("field", &parameter(field))));
    let attributes = plugin.attributes.iter().chain(&plugin.module_attributes);
    rows.extend(attributes.map(|(name, value)| pair(name, &text(value))));
    rows.extend(
        plugin.dynamic.iter().map(|dynamic| pair(&format!("{} (dynamic)", dynamic.name), &dynamic.reason)),
    );
    output.table(rows)?;
    if let Some(doc) = &plugin.doc {
        output.line(format!("\n{doc}"))?;
    }
    for hidden in &found.shadowed {
        output.warn(format!("it hides {}", plugcache::resolver::place(hidden)));
    }
    output.footer(&answer.report);
    Ok(Outcome::Done)
}

fn pair(name: &str, value: &str) -> Vec<String> {
    vec![format!("  {name}"), cut(value)]
}

fn cut(text: &str) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match one_line.char_indices().nth(WIDEST) {
        Some((at, _)) => format!("{}…", one_line.split_at(at).0),
        None => one_line,
    }
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
}

fn call(decorator: &Decorator) -> String {
    if !decorator.called {
        return format!("@{}", decorator.name);
    }
    let positional = decorator.arguments.iter().map(text);
    let named = decorator.keywords.iter().map(|(name, value)| format!("{name}={}", text(value)));
    format!("@{}({})", decorator.name, positional.chain(named).collect::<Vec<_>>().join(", "))
}

fn head(signature: &Signature) -> String {
    let parameters: Vec<String> = signature.parameters.iter().map(parameter).collect();
    let returns = signature.returns.as_ref().map_or_else(String::new, |returns| format!(" -> {returns}"));
    format!("({}){returns}", parameters.join(", "))
}

fn parameter(parameter: &Parameter) -> String {
    let annotation = parameter.annotation.as_ref().map_or_else(String::new, |text| format!(": {text}"));
    let default = parameter.default_text.as_ref().map_or_else(String::new, |text| format!(" = {text}"));
    let stars = match parameter.kind {
        ParameterKind::VarPositional => "*",
        ParameterKind::VarKeyword => "**",
        _ => "",
    };
    format!("{stars}{}{annotation}{default}", parameter.name)
}
