//! Everything known of one plugin, put together from facts and from what linking kept.
//!
//! A describer keeps the decoded facts of the files it met, and the attributes of classes that many
//! plugins inherit from, so that describing thousands of plugins decodes each file once.

use std::{collections::HashMap, rc::Rc};

mod constructor;
mod functions;

use super::{
    facts::{Bound, Class, Details, Expr, Parameter as Fact, Structure},
    finder::PythonFinder,
    link::{BaseName, ClassPayload, Payload, Stored, literal, module_name, qualname, visible},
    literals::{self, Folded, Scope, Unknown, dotted},
    rules::{About, Rule},
    signature,
};
use crate::{
    finder::{Facts, Record},
    plugin::{Dynamic, Parameter, Plugin},
    tree::FileId,
    value::Value,
};

/// The facts of one file, decoded.
struct File {
    path: String,
    module: String,
    structure: Structure,
    details: Details,
}

/// An attribute as its class has it, whoever inherits it.
enum Attribute {
    Known(Value),
    Dynamic(String),
    /// What linking worked out; unless names had no part in it, which gives this.
    Linked(Folded),
    /// A method, class or import: no value, but it hides those of ancestors.
    Hides,
}

/// The attributes of one class, in definition order: name, position, line, what.
type Attributes = Vec<(String, u32, u32, Attribute)>;

/// Describes plugins of one index.
pub(super) struct Describer<'a> {
    finder: &'a PythonFinder,
    facts: &'a dyn Facts,
    files: HashMap<FileId, Option<Rc<File>>>,
    attributes: HashMap<(FileId, u32), Rc<Attributes>>,
}

impl<'a> Describer<'a> {
    pub(super) fn new(finder: &'a PythonFinder, facts: &'a dyn Facts) -> Self {
        Self { finder, facts, files: HashMap::new(), attributes: HashMap::new() }
    }

    pub(super) fn describe(&mut self, record: &Record) -> Plugin {
        let mut plugin = Plugin {
            name: record.name.clone(),
            kind: "python-class",
            line: record.line,
            ..Plugin::default()
        };
        let Some(file) = self.file(record.file) else { return plugin };
        plugin.file.clone_from(&file.path);
        plugin.module = Some(file.module.clone());
        match postcard::from_bytes(&record.payload) {
            Ok(Payload::Class(payload)) => {
                self.class(&file, record, &payload, &mut plugin);
                self.module_attributes(&file, &payload.module_values, &mut plugin);
            }
            Ok(Payload::Function(payload)) => {
                plugin.kind = "python-function";
                functions::function(&file, &payload, &mut plugin);
                self.module_attributes(&file, &payload.module_values, &mut plugin);
            }
            Ok(Payload::Module { values }) => {
                plugin.kind = "python-module";
                plugin.doc.clone_from(&file.details.doc);
                self.module_attributes(&file, &values, &mut plugin);
            }
            Err(_) => {}
        }
        plugin
    }

    fn file(&mut self, id: FileId) -> Option<Rc<File>> {
        if let Some(known) = self.files.get(&id) {
            return known.clone();
        }
        let file = self.decode(id).map(Rc::new);
        self.files.insert(id, file.clone());
        file
    }

    fn decode(&self, id: FileId) -> Option<File> {
        let (root, path) = self.facts.path(id)?;
        Some(File {
            module: module_name(&path).unwrap_or_default(),
            path: root.join(&path).display().to_string(),
            structure: postcard::from_bytes(self.facts.structure(id)?).ok()?,
            details: postcard::from_bytes(self.facts.details(id)?).ok()?,
        })
    }

    fn class(&mut self, file: &File, record: &Record, payload: &ClassPayload, plugin: &mut Plugin) {
        let Some(class) = file.structure.classes.get(payload.class as usize) else { return };
        plugin.qualname = Some(qualname(&file.structure, payload.class));
        plugin.doc = file.details.classes.get(payload.class as usize).and_then(|details| details.doc.clone());
        plugin.bases = payload.bases.iter().map(|base| self.base(base, payload)).collect();
        for (name, reason) in &payload.notes {
            plugin.dynamic.push(dynamic(name, file, record.line, reason));
        }
        functions::decorators(file, class.line, &class.decorators, &payload.symbols, plugin);
        let own = (record.file.0, payload.class);
        let order: Vec<(u32, u32)> = std::iter::once(own).chain(payload.ancestors.iter().copied()).collect();
        self.attributes(&order, &payload.values, plugin);
        plugin.fields = self.fields(&order);
        if Rule::all_about(&self.finder.rules) == About::Definitions {
            self.construction(&order, &payload.notes, plugin);
        }
    }

    fn base(&mut self, base: &BaseName, payload: &ClassPayload) -> String {
        match base {
            BaseName::Named(name) => name.clone(),
            BaseName::Ancestor(at) => payload
                .ancestors
                .get(*at as usize)
                .and_then(|(file, class)| Some((self.file(FileId(*file))?, *class)))
                .map_or_else(String::new, |(file, class)| {
                    format!("{}:{}", file.module, qualname(&file.structure, class))
                }),
        }
    }

    fn attributes(&mut self, order: &[(u32, u32)], values: &[(u32, u32, Stored)], plugin: &mut Plugin) {
        // Whether the nearest binding is a value. A function in place of an ancestor's value is often a
        // property, so what the attribute is then is known only by running it.
        let mut seen: HashMap<String, Option<(usize, u32)>> = HashMap::new();
        for (at, (file, class)) in order.iter().enumerate() {
            let attributes = self.attributes_of(FileId(*file), *class);
            for (name, position, line, attribute) in attributes.iter() {
                let hides = matches!(attribute, Attribute::Hides);
                match seen.get_mut(name) {
                    None => drop(seen.insert(name.clone(), hides.then_some((at, *line)))),
                    Some(hidden) => {
                        if !hides
                            && let Some((by, line)) = hidden.take()
                            && let Some((file, _)) = order.get(by)
                            && let Some(file) = self.file(FileId(*file))
                        {
                            plugin.dynamic.push(dynamic(
                                name,
                                &file,
                                line,
                                "is a function in place of a value",
                            ));
                        }
                        continue;
                    }
                }
                let linked = || {
                    let found =
                        values.iter().find(|(owner, member, _)| (*owner, *member) == (at as u32, *position));
                    found.map(|(_, _, stored)| stored)
                };
                let reason = match (attribute, linked()) {
                    (Attribute::Known(value) | Attribute::Linked(Ok(value)), None)
                    | (Attribute::Known(_) | Attribute::Linked(_), Some(Stored::Known(value))) => {
                        plugin.attributes.push((name.clone(), value.clone()));
                        continue;
                    }
                    (Attribute::Hides, _) => continue,
                    (_, Some(Stored::Dynamic(reason))) | (Attribute::Dynamic(reason), _) => reason,
                    (Attribute::Linked(Err(unknown)), None) => &unknown.reason,
                };
                if let Some(file) = self.file(FileId(*file)) {
                    plugin.dynamic.push(dynamic(name, &file, *line, reason));
                }
            }
        }
    }

    /// What a class itself binds.
    fn attributes_of(&mut self, file: FileId, class: u32) -> Rc<Attributes> {
        if let Some(known) = self.attributes.get(&(file, class)) {
            return Rc::clone(known);
        }
        let attributes = Rc::new(self.file(file).map_or_else(Vec::new, |file| own_attributes(&file, class)));
        self.attributes.insert((file, class), Rc::clone(&attributes));
        attributes
    }

    /// Annotated names in the order in which a dataclass takes them: of the furthest ancestor first.
    fn fields(&mut self, order: &[(u32, u32)]) -> Vec<Parameter> {
        let mut fields: Vec<Parameter> = Vec::new();
        for (file, class) in order.iter().rev() {
            let Some(file) = self.file(FileId(*file)) else { continue };
            let Some(details) = file.details.classes.get(*class as usize) else { continue };
            if details.fields.is_empty() {
                continue;
            }
            let line = file.structure.classes.get(*class as usize).map_or(0, |class| class.line);
            for fact in details.fields.iter().filter(|fact| !is_class_variable(fact)) {
                let field = signature::parameter(fact, line, &mut InFile::defaults(&file, Some(*class)));
                match fields.iter_mut().find(|known| known.name == field.name) {
                    Some(known) => *known = field,
                    None => fields.push(field),
                }
            }
        }
        fields
    }

    fn module_attributes(&self, file: &File, values: &[(String, Stored)], plugin: &mut Plugin) {
        for name in &self.finder.module_literals {
            let stored = values.iter().find(|(known, _)| known == name).map(|(_, stored)| stored);
            let bindings = &file.structure.bindings;
            let (found, _) = visible(bindings, u32::MAX, name);
            let line =
                found.first().and_then(|at| bindings.get(*at as usize)).map_or(0, |binding| binding.line);
            match stored {
                Some(Stored::Known(value)) => plugin.module_attributes.push((name.clone(), value.clone())),
                Some(Stored::Dynamic(reason)) => plugin.dynamic.push(dynamic(name, file, line, reason)),
                None => match &*found {
                    [] => {}
                    _ => match InFile::module(file).name(name) {
                        Ok(value) => plugin.module_attributes.push((name.clone(), value)),
                        Err(unknown) => plugin.dynamic.push(dynamic(name, file, line, &unknown.reason)),
                    },
                },
            }
        }
    }
}

fn own_attributes(file: &File, id: u32) -> Attributes {
    let Some(class) = file.structure.classes.get(id as usize) else { return Vec::new() };
    let mut attributes: Attributes = Vec::new();
    for member in &class.members {
        if member.name.is_empty() || matches!(member.bound, Bound::Declared | Bound::Deleted) {
            continue;
        }
        let name = mangled(&class.name, &member.name);
        if attributes.iter().any(|(known, ..)| *known == name) {
            continue;
        }
        let (found, certain) = visible(&class.members, u32::MAX, &member.name);
        let Some(position) = found.first().copied() else { continue };
        let line = class.members.get(position as usize).map_or(0, |member| member.line);
        attributes.push((name, position, line, attribute(file, id, class, &found, certain)));
    }
    attributes
}

/// What the candidates for one name come to.
fn attribute(file: &File, id: u32, class: &Class, found: &[u32], certain: bool) -> Attribute {
    let bound = |at: &u32| class.members.get(*at as usize).map(|member| &member.bound);
    let is_value = |at: &u32| matches!(bound(at), Some(Bound::Value(_) | Bound::Literal));
    if !found.iter().any(is_value) {
        return Attribute::Hides;
    }
    let decided = || Attribute::Dynamic("is decided while running".to_owned());
    if let [at] = found
        && let Some(Bound::Value(expr)) = bound(at)
    {
        return if certain {
            Attribute::Linked(literals::fold(expr, &mut literals::NoNames))
        } else {
            decided()
        };
    }
    let mut value: Option<Value> = None;
    for at in found {
        let Some(Bound::Literal) = bound(at) else { return decided() };
        let next = match InFile::class(file, id).literal(Some(id), *at) {
            Ok(value) => value,
            Err(unknown) => return Attribute::Dynamic(unknown.reason),
        };
        if value.as_ref().is_some_and(|known| *known != next) {
            return decided();
        }
        value = Some(next);
    }
    match value {
        Some(value) if certain => Attribute::Known(value),
        _ => decided(),
    }
}

/// `__name` in a class body is bound under another name.
fn mangled(class: &str, name: &str) -> String {
    let class = class.trim_start_matches('_');
    if name.starts_with("__") && !name.ends_with("__") && !class.is_empty() {
        format!("_{class}{name}")
    } else {
        name.to_owned()
    }
}

fn is_class_variable(fact: &Fact) -> bool {
    let annotation = fact.annotation.as_deref().unwrap_or_default().trim_start_matches(['"', '\'']);
    ["ClassVar", "typing.ClassVar", "t.ClassVar"].iter().any(|prefix| annotation.starts_with(prefix))
}

fn dynamic(name: &str, file: &File, line: u32, reason: &str) -> Dynamic {
    Dynamic { name: name.to_owned(), file: file.path.clone(), line, reason: reason.to_owned() }
}

/// Names that linking resolved.
struct Symbols<'a>(&'a [(String, Value)]);

impl Symbols<'_> {
    fn get(&self, name: &str) -> Folded {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).ok_or_else(|| Unknown::new(format!("names {name}")))
    }
}

impl Scope for Symbols<'_> {
    fn name(&mut self, name: &str) -> Folded {
        self.get(name)
    }

    fn attribute(&mut self, object: &Expr, attribute: &str) -> Folded {
        match dotted(object) {
            Some(object) => self.get(&format!("{object}.{attribute}")),
            None => Err(Unknown::new(format!("reads the attribute {attribute}"))),
        }
    }
}

/// Constants of the file itself, for displays that are parsed only now. What comes from other files stays
/// unknown.
struct InFile<'a> {
    file: &'a File,
    class: Option<u32>,
    depth: u32,
    /// Whether `Class.NAME` is what the class's body binds.
    reads_classes: bool,
}

impl<'a> InFile<'a> {
    fn module(file: &'a File) -> Self {
        Self { file, class: None, depth: 0, reads_classes: true }
    }

    fn class(file: &'a File, class: u32) -> Self {
        Self { file, class: Some(class), depth: 0, reads_classes: true }
    }

    /// For defaults, which are told as what `inspect.signature` would tell: an attribute of a class stays unknown. A
    /// metaclass may make something else of what the body binds, as that of an enumeration does, and anybody may
    /// assign it anew.
    fn defaults(file: &'a File, class: Option<u32>) -> Self {
        Self { file, class, depth: 0, reads_classes: false }
    }

    /// The value kept as text at a position of a scope.
    fn literal(&mut self, class: Option<u32>, at: u32) -> Folded {
        let missing = || Unknown::new("is in a damaged file");
        let (texts, scope) = match class {
            None => (&self.file.details.literals, &self.file.structure.bindings),
            Some(id) => (
                &self.file.details.classes.get(id as usize).ok_or_else(missing)?.literals,
                &self.file.structure.classes.get(id as usize).ok_or_else(missing)?.members,
            ),
        };
        let text = literal(texts, at).ok_or_else(missing)?;
        let line = scope.get(at as usize).map_or(0, |binding| binding.line);
        literals::fold_text(text, line, self)
    }

    /// The value of a name that is bound once at all, so that the point of use does not matter.
    fn once(&mut self, class: Option<u32>, at: u32, name: &str) -> Option<Folded> {
        let file = self.file;
        let members = match class {
            None => &file.structure.bindings,
            Some(id) => &file.structure.classes.get(id as usize)?.members,
        };
        if count(members, name) != 1 {
            return None;
        }
        let mut scope = InFile { file, class, ..*self };
        match &members.get(at as usize)?.bound {
            Bound::Literal => Some(scope.literal(class, at)),
            Bound::Value(expr) => Some(literals::fold(expr, &mut scope)),
            _ => None,
        }
    }

    /// The constant of a class of the same file.
    fn of_class(&mut self, class: &str, name: &str) -> Option<Folded> {
        let bindings = &self.file.structure.bindings;
        let (found, certain) = visible(bindings, u32::MAX, class);
        let [at] = &*found else { return None };
        let Bound::Class(id) = bindings.get(*at as usize)?.bound else { return None };
        if !certain || count(bindings, class) != 1 {
            return None;
        }
        let (found, certain) =
            visible(&self.file.structure.classes.get(id as usize)?.members, u32::MAX, name);
        let [at] = &*found else { return None };
        if certain { self.once(Some(id), *at, name) } else { None }
    }

    fn look(&mut self, name: &str) -> Option<Folded> {
        let scopes = [self.class, None];
        let scopes = if self.class.is_none() { &scopes[1..] } else { &scopes[..] };
        for class in scopes {
            let members = match class {
                None => &self.file.structure.bindings,
                Some(id) => &self.file.structure.classes.get(*id as usize)?.members,
            };
            let (found, certain) = visible(members, u32::MAX, name);
            match &*found {
                [] => {}
                // Bound once, in whichever branch: if it is reached at all, it is this.
                [at] if certain || class.is_none() => {
                    return self.once(*class, *at, name);
                }
                _ => return None,
            }
        }
        None
    }
}

/// How often a name may be bound; a star import may bind any.
fn count(members: &[super::facts::Binding], name: &str) -> usize {
    members.iter().filter(|member| member.name == name || matches!(member.bound, Bound::Star(_))).count()
}

impl Scope for InFile<'_> {
    fn name(&mut self, name: &str) -> Folded {
        let unknown = || Err(Unknown::new(format!("names {name}")));
        if self.depth > 50 {
            return unknown();
        }
        self.depth += 1;
        let value = self.look(name).unwrap_or_else(unknown);
        self.depth -= 1;
        value
    }

    fn attribute(&mut self, object: &Expr, attribute: &str) -> Folded {
        let unknown = || literals::NoNames.attribute(object, attribute);
        let Expr::Name(class) = object else { return unknown() };
        if self.depth > 50 || !self.reads_classes {
            return unknown();
        }
        self.depth += 1;
        let value = self.of_class(class, attribute).unwrap_or_else(unknown);
        self.depth -= 1;
        value
    }
}
