//! How instances of a class are made, and its methods: what `inspect.signature` would tell of the class.
//!
//! The nearest `__init__` in the order of attribute look-up counts: one that is written, or the one that
//! `dataclasses.dataclass` makes of the annotated names. Whatever else may have a hand in it (another decorator, a
//! metaclass, a base of which nothing is known) is told as a doubt.

use super::{
    Describer, File, InFile,
    functions::{SEVERAL, decorated_by, rebound},
};
use crate::{
    plugin::{Method, Parameter, Plugin, Signature},
    python::{
        facts::{Bound, Class, Expr, ParameterKind},
        link::visible,
        literals::{self, dotted},
        signature,
    },
    tree::FileId,
    value::Value,
};

/// Bases that have no constructor to speak of, by what they are called.
const PLAIN: &[&str] = &[
    "abc.ABC",
    "collections.abc.Callable",
    "collections.abc.Hashable",
    "collections.abc.Iterable",
    "collections.abc.Sized",
    "object",
    "typing.Generic",
    "typing.Protocol",
    "typing_extensions.Protocol",
];

/// Decorators of classes that leave their constructor alone.
const HARMLESS: &[&str] = &[
    "enum.unique",
    "functools.total_ordering",
    "typing.dataclass_transform",
    "typing.final",
    "typing.runtime_checkable",
    "typing_extensions.dataclass_transform",
    "typing_extensions.deprecated",
    "typing_extensions.final",
    "typing_extensions.runtime_checkable",
    "warnings.deprecated",
];

/// A class with its file.
struct At {
    file: std::rc::Rc<File>,
    class: u32,
}

impl At {
    fn head(&self) -> Option<&Class> {
        self.file.structure.classes.get(self.class as usize)
    }

    /// Why its name may stand for something else.
    fn rebound(&self) -> Option<String> {
        let structure = &self.file.structure;
        let scope = match self.head()?.parent {
            Some(parent) => &structure.classes.get(parent as usize)?.members,
            None => &structure.bindings,
        };
        rebound(scope, &Bound::Class(self.class))
    }

    /// Whether the module assigns that attribute of it from outside of its body.
    fn is_assigned(&self, name: &str) -> bool {
        self.head().is_some_and(|head| head.assigned.iter().any(|known| known.is_empty() || known == name))
    }

    /// The decorator that makes it a dataclass.
    fn dataclass(&self) -> Option<&Expr> {
        let is_dataclass = |decorator: &&Expr| {
            let callee = if let Expr::Call(call) = decorator { &call.function } else { *decorator };
            self.original(callee).is_some_and(|name| name == "dataclasses.dataclass")
        };
        self.head()?.decorators.iter().find(is_dataclass)
    }

    /// What a dotted name in this file stands for, as far as imports of the module tell.
    fn original(&self, expr: &Expr) -> Option<String> {
        let name = dotted(expr)?;
        let (first, rest) = name.split_once('.').map_or((&*name, None), |(first, rest)| (first, Some(rest)));
        let bindings = &self.file.structure.bindings;
        let bound = bindings.iter().rev().find(|binding| binding.name == first).map(|binding| &binding.bound);
        let first = match bound {
            Some(Bound::From { module, name }) if module.level == 0 => format!("{}.{name}", module.name),
            Some(Bound::From { name, .. }) => name.clone(),
            Some(Bound::Module { module, .. }) => module.clone(),
            _ => first.to_owned(),
        };
        Some(rest.map_or(first.clone(), |rest| format!("{first}.{rest}")))
    }
}

/// What `dataclass(…)` was told.
struct Options {
    init: bool,
    kw_only: bool,
}

impl Describer<'_> {
    /// Fills in the constructor's signature, doubts of it, and the methods.
    pub(super) fn construction(
        &mut self,
        order: &[(u32, u32)],
        notes: &[(String, String)],
        plugin: &mut Plugin,
    ) {
        let classes: Vec<At> = order
            .iter()
            .filter_map(|(file, class)| Some(At { file: self.file(FileId(*file))?, class: *class }))
            .collect();
        if let Some(class) = classes.first() {
            plugin.signature_doubts.extend(class.rebound());
        }
        plugin.methods = methods(&classes);
        plugin.signature = constructor(&classes, &mut plugin.signature_doubts);
        let doubt = |(base, reason): &(String, String)| format!("the base {base} {reason}");
        plugin.signature_doubts.extend(notes.iter().map(doubt));
    }
}

fn constructor(classes: &[At], doubts: &mut Vec<String>) -> Option<Signature> {
    preferred(classes, doubts);
    for (at, class) in classes.iter().enumerate() {
        let head = class.head()?;
        let mut dataclass = None;
        for decorator in &head.decorators {
            let callee = if let Expr::Call(call) = decorator { &call.function } else { decorator };
            let name = class.original(callee);
            match name.as_deref() {
                Some("dataclasses.dataclass") => dataclass = Some(options(decorator, doubts)),
                Some(name) if HARMLESS.contains(&name) => {}
                _ => doubts.push(decorated_by(decorator)),
            }
        }
        let binds = |name: &str| head.members.iter().rev().find(|member| member.name == name);
        if let Some(member) = binds("__init__") {
            let method = match member.bound {
                Bound::Method => own_method(class, "__init__"),
                _ => None,
            };
            let Some(method) = method else {
                doubts.push("binds __init__ by computation".to_owned());
                return None;
            };
            doubts.extend(method.doubts);
            let mut signature = method.signature;
            if !signature.parameters.is_empty() && signature.parameters.first().is_some_and(is_positional) {
                signature.parameters.remove(0);
            }
            return Some(signature);
        }
        if let Some(options) = dataclass
            && options.init
        {
            let mixes = |class: &At| class.head().is_some_and(|head| head.bases.len() > 1);
            let dataclasses = classes.iter().filter(|class| class.dataclass().is_some()).count();
            if dataclasses > 2 && classes.iter().any(mixes) || classes.iter().take(at).any(mixes) {
                doubts.push("has several bases that are dataclasses, or inherit from some".to_owned());
            }
            let parameters = fields(classes.get(at..).unwrap_or_default(), doubts);
            unknown_bases(classes.get(at..).unwrap_or_default(), doubts);
            return Some(Signature { parameters, returns: Some("None".to_owned()), is_async: false });
        }
        if let Some(base) = unknown_base(classes, class) {
            doubts.push(format!("may inherit its constructor from {base}, which is not known"));
            return None;
        }
    }
    Some(Signature { parameters: Vec::new(), returns: None, is_async: false })
}

/// What `inspect.signature` may prefer to `__init__`, whichever ancestor has it.
fn preferred(classes: &[At], doubts: &mut Vec<String>) {
    for (at, class) in classes.iter().enumerate() {
        let Some(head) = class.head() else { continue };
        let whose = if at == 0 { String::new() } else { format!("inherits from {}, which ", head.name) };
        if let Some(metaclass) = &head.metaclass
            && class.original(metaclass).is_none_or(|name| name != "abc.ABCMeta")
        {
            let name = dotted(metaclass).unwrap_or_else(|| "a computed one".to_owned());
            doubts.push(format!("{whose}has the metaclass {name}, which may construct otherwise"));
        }
        for name in ["__new__", "__signature__"] {
            if head.members.iter().any(|member| member.name == name) {
                doubts.push(format!("{whose}has a {name} of its own, which may take other parameters"));
            }
        }
        let assigned =
            ["__init__", "__new__", "__signature__"].into_iter().find(|name| class.is_assigned(name));
        if let Some(name) = assigned {
            doubts.push(format!("{whose}may have its {name} assigned while the module runs"));
        }
    }
}

fn is_positional(parameter: &Parameter) -> bool {
    matches!(parameter.kind, ParameterKind::PositionalOnly | ParameterKind::PositionalOrKeyword)
}

fn unknown_bases(classes: &[At], doubts: &mut Vec<String>) {
    for class in classes {
        if let Some(base) = unknown_base(classes, class) {
            doubts.push(format!("may inherit fields from {base}, which is not known"));
        }
    }
}

/// A base of a class that is neither among those behind it nor a plain one.
fn unknown_base(classes: &[At], class: &At) -> Option<String> {
    let behind = classes.iter().skip_while(|other| !std::ptr::eq(*other, class)).skip(1);
    let known = |expr: &Expr| {
        let expr = if let Expr::Subscript(object, _) = expr { object } else { expr };
        class.original(expr).is_some_and(|name| {
            let last = name.rsplit('.').next().unwrap_or(&name);
            PLAIN.contains(&&*name)
                || behind.clone().any(|other| other.head().is_some_and(|head| head.name == last))
        })
    };
    let head = class.head()?;
    let unknown = head.bases.iter().find(|base| !known(base))?;
    Some(dotted(unknown).unwrap_or_else(|| "a computed base".to_owned()))
}

fn options(decorator: &Expr, doubts: &mut Vec<String>) -> Options {
    let mut options = Options { init: true, kw_only: false };
    if let Expr::Call(call) = decorator {
        for (name, value) in &call.keywords {
            let value = literals::fold(value, &mut literals::NoNames);
            match (name.as_deref(), value) {
                (Some("init"), Ok(Value::Bool(given))) => options.init = given,
                (Some("kw_only"), Ok(Value::Bool(given))) => options.kw_only = given,
                (None | Some("init" | "kw_only"), _) => {
                    doubts.push("is a dataclass with computed options".to_owned());
                }
                _ => {}
            }
        }
    }
    options
}

/// The parameters that a dataclass makes of its fields and of those of its bases.
fn fields(classes: &[At], doubts: &mut Vec<String>) -> Vec<Parameter> {
    let mut found: Vec<(Parameter, bool)> = Vec::new();
    for class in classes.iter().rev() {
        let (Some(head), Some(details)) =
            (class.head(), class.file.details.classes.get(class.class as usize))
        else {
            continue;
        };
        // Annotations of a base that is no dataclass are no fields.
        let Some(decorator) = class.dataclass() else { continue };
        let mut kw_only = options(decorator, &mut Vec::new()).kw_only;
        for fact in &details.fields {
            let annotation = fact.annotation.as_deref().unwrap_or_default().trim_matches(['"', '\'']);
            let kind = annotation.split('[').next().unwrap_or(annotation);
            match kind.rsplit('.').next().unwrap_or(kind) {
                "ClassVar" => continue,
                "KW_ONLY" => {
                    kw_only = true;
                    continue;
                }
                _ => {}
            }
            if is_rebound(head, &fact.name, fact.default.is_some()) {
                doubts.push(format!("binds the field {} otherwise too, or under a condition", fact.name));
            }
            let mut scope = InFile::defaults(&class.file, Some(class.class));
            let mut field = signature::parameter(fact, head.line, &mut scope);
            field.kind = ParameterKind::PositionalOrKeyword;
            let mut is_keyword = kw_only;
            let mut is_taken = true;
            specify(class, fact.default.as_deref(), &mut field, &mut is_keyword, &mut is_taken, doubts);
            if is_keyword {
                field.kind = ParameterKind::KeywordOnly;
            }
            match found.iter_mut().find(|(known, _)| known.name == field.name) {
                Some(known) => *known = (field, is_taken),
                None => found.push((field, is_taken)),
            }
        }
    }
    let mut parameters: Vec<Parameter> =
        found.into_iter().filter(|(_, is_taken)| *is_taken).map(|(field, _)| field).collect();
    parameters.sort_by_key(|field| field.kind == ParameterKind::KeywordOnly);
    parameters
}

/// Whether the body of a class binds a field by more than the statement that annotates it: what it is at the end is its
/// default.
fn is_rebound(head: &Class, field: &str, has_default: bool) -> bool {
    let named = || head.members.iter().filter(|member| member.name == field);
    let bound = named().filter(|member| !matches!(member.bound, Bound::Declared)).count();
    bound != usize::from(has_default) || named().any(|member| member.conditional)
}

/// Reads `field(default=…, default_factory=…, init=…, kw_only=…)`.
fn specify(
    class: &At,
    default: Option<&str>,
    field: &mut Parameter,
    is_keyword: &mut bool,
    is_taken: &mut bool,
    doubts: &mut Vec<String>,
) {
    let Some(text) = default else { return };
    if field.default.is_some() {
        return;
    }
    let Ok(Expr::Call(call)) = literals::parse_expression(text, 1) else { return };
    if class.original(&call.function).is_none_or(|name| name != "dataclasses.field") {
        return;
    }
    field.has_default = false;
    field.default_text = None;
    for (name, value) in &call.keywords {
        let folded = literals::fold(value, &mut InFile::defaults(&class.file, Some(class.class)));
        match (name.as_deref(), folded) {
            (Some("default"), folded) => {
                field.has_default = true;
                field.default = folded.ok();
                field.default_text = Some(text.to_owned());
            }
            (Some("default_factory"), _) => {
                field.has_default = true;
                field.default = class.original(value).as_deref().and_then(made_by);
                field.default_text = Some(text.to_owned());
            }
            (Some("init"), Ok(Value::Bool(given))) => *is_taken = given,
            (Some("kw_only"), Ok(Value::Bool(given))) => *is_keyword = given,
            (None | Some("init" | "kw_only"), _) => {
                doubts.push(format!("the field {} has computed options", field.name));
            }
            _ => {}
        }
    }
}

/// What a factory makes, if that is certain.
fn made_by(factory: &str) -> Option<Value> {
    Some(match factory {
        "list" => Value::List(Vec::new()),
        "dict" => Value::Dict(Vec::new()),
        "tuple" => Value::Tuple(Vec::new()),
        "set" | "frozenset" => Value::Set(Vec::new()),
        "str" => Value::Str(String::new()),
        "int" => Value::Int(0),
        "float" => Value::Float(0.0),
        "bool" => Value::Bool(false),
        _ => return None,
    })
}

/// The methods of a class and of its ancestors, the nearest of each name.
fn methods(classes: &[At]) -> Vec<Method> {
    let mut found: Vec<Method> = Vec::new();
    for (at, class) in classes.iter().enumerate() {
        let Some(details) = class.file.details.classes.get(class.class as usize) else { continue };
        for method in &details.methods {
            if !found.iter().any(|known| known.name == method.name)
                && let Some(mut method) = own_method(class, &method.name)
            {
                let hides = |nearer: &&At| {
                    let binds = |head: &Class| head.members.iter().any(|member| member.name == method.name);
                    nearer.is_assigned(&method.name) || nearer.head().is_some_and(binds)
                };
                if let Some(nearer) = classes.iter().take(at).find(hides).and_then(At::head) {
                    method.doubts.push(format!("is bound otherwise by {}", nearer.name));
                }
                found.push(method);
            }
        }
    }
    found
}

/// The last method of that name in the body of a class.
fn own_method(class: &At, name: &str) -> Option<Method> {
    let details = class.file.details.classes.get(class.class as usize)?;
    let same = |method: &&crate::python::facts::Method| method.name == name;
    let method = details.methods.iter().rev().find(same)?;
    let mut doubts = Vec::new();
    for text in &method.decorators {
        let Ok(expr) = literals::parse_expression(text, method.line) else { continue };
        let callee = if let Expr::Call(call) = &expr { &call.function } else { &expr };
        let original = class
            .original(callee)
            .map(|name| if name.contains('.') { name } else { format!("builtins.{name}") });
        if !original.as_deref().is_some_and(signature::is_harmless) {
            doubts.push(decorated_by(&expr));
        }
    }
    let is_overload = |method: &&crate::python::facts::Method| {
        method.decorators.iter().any(|text| text == "overload" || text.ends_with(".overload"))
    };
    let members = &class.head()?.members;
    let (found, certain) = visible(members, u32::MAX, name);
    let is_method = |at: &u32| members.get(*at as usize).is_some_and(|one| one.bound == Bound::Method);
    if details.methods.iter().filter(same).filter(|one| !is_overload(one)).count() > 1
        || found.len() > 1
        || !found.iter().all(is_method)
    {
        doubts.push(SEVERAL.to_owned());
    } else if !certain {
        doubts.push("is defined under a condition, which is decided while running".to_owned());
    }
    if class.is_assigned(name) {
        doubts.push("may be assigned to its class while the module runs".to_owned());
    }
    let mut scope = InFile::defaults(&class.file, Some(class.class));
    Some(Method {
        name: method.name.clone(),
        signature: signature::signature(&method.details, method.is_async, method.line, &mut scope),
        doc: method.details.doc.clone(),
        file: class.file.path.clone(),
        line: method.line,
        decorators: method.decorators.clone(),
        doubts,
    })
}
