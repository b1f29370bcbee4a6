//! Which classes and functions of a file are plugins, and what is kept of them.

use std::collections::{HashMap, HashSet};

use super::{
    deps::Deps,
    hash::Fast,
    liveness::{Later, live_classes},
    modules::{Found, ModuleId},
    payload::{BaseName, ClassPayload, FunctionPayload, Payload, Stored},
    positions::{At, visible},
    values::Known,
    world::{ClassKey, Place, Resolution, Target, World, qualname},
};
use crate::{
    finder::{Linked, Links, Record, Scope},
    plugin::Problem,
    python::{
        facts::{Bound, Class, Expr, Structure},
        finder::PythonFinder,
        literals::dotted,
        naming::NameRule,
        rules::{About, ObjectRef, Rule},
    },
    tree::{FileId, Tree},
    value::Value,
};

/// The rules of a finder with their names resolved.
pub(super) struct Selection<'f> {
    finder: &'f PythonFinder,
    /// For each rule the classes it names, and which classes derive from them.
    targets: Vec<(Vec<Target>, HashMap<ClassKey, bool, Fast>)>,
    /// For each rule the classes that a module exports.
    exported: Vec<HashSet<ClassKey, Fast>>,
    deps: Deps,
}

/// Links the files of `scope`.
pub(in crate::python) fn link(finder: &PythonFinder, tree: &mut Tree<'_>, scope: Scope<'_>) -> Links {
    let all: Vec<FileId>;
    let files = match scope {
        Scope::All => {
            all = tree.files();
            &all
        }
        Scope::Only(files) => files,
    };
    let mut world = World::new(tree);
    let mut selection = Selection::new(finder, &mut world);
    let mut links = Links { files: Vec::new(), all_depend_on: world.deps.files(selection.deps).to_vec() };
    for file in files {
        if let Some(linked) = selection.file(&mut world, *file)
            && linked != Linked::default()
        {
            links.files.push((*file, linked));
        }
    }
    links
}

impl<'f> Selection<'f> {
    fn new(finder: &'f PythonFinder, world: &mut World<'_, '_>) -> Self {
        let mut selection = Self { finder, targets: Vec::new(), exported: Vec::new(), deps: Deps::default() };
        for rule in &finder.rules {
            let mut targets = Vec::new();
            let mut exported = HashSet::default();
            match rule {
                Rule::Base(object) | Rule::Metaclass(object) => {
                    targets = selection.named(world, rule, object);
                }
                Rule::Exported(module) => selection.export(world, rule, module, &mut exported),
                _ => {}
            }
            selection.targets.push((targets, HashMap::default()));
            selection.exported.push(exported);
        }
        selection
    }

    pub(super) fn rules(&self) -> &[Rule] {
        &self.finder.rules
    }

    fn named(&mut self, world: &mut World<'_, '_>, rule: &Rule, object: &ObjectRef) -> Vec<Target> {
        let module = match world.find_module(&object.module) {
            Found::Module(module) => module,
            Found::Elsewhere => {
                return vec![Target::External(format!("{}.{}", object.module, object.qualname).into())];
            }
            Found::Missing | Found::Unknown => {
                report(world, rule, &format!("there is no module {} below the roots", object.module));
                return Vec::new();
            }
        };
        let mut found = Resolution::of(Target::Module(module));
        for part in object.qualname.split('.') {
            found = world.attribute(&found, part);
        }
        self.deps = world.deps.join(self.deps, found.deps);
        found.targets.retain(|target| matches!(target, Target::Class(_) | Target::External(_)));
        if found.targets.is_empty() {
            let message = format!("{} binds no class {}", object.module, object.qualname);
            report(world, rule, &message);
        }
        found.targets
    }

    fn export(
        &mut self,
        world: &mut World<'_, '_>,
        rule: &Rule,
        name: &str,
        exported: &mut HashSet<ClassKey, Fast>,
    ) {
        let Found::Module(module) = world.find_module(name) else {
            return report(world, rule, &format!("there is no module {name} below the roots"));
        };
        let mut names = HashSet::default();
        exported_names(world, module, &mut names, 0, &mut self.deps);
        for name in names {
            let found = world.member(module, &name);
            self.deps = world.deps.join(self.deps, found.deps);
            let classes = found.targets.iter().filter_map(|target| match target {
                Target::Class(key) => Some(*key),
                _ => None,
            });
            exported.extend(classes);
        }
    }

    fn file(&mut self, world: &mut World<'_, '_>, file: FileId) -> Option<Linked> {
        let path = world.tree.path(file).1.into_owned();
        let name = super::module_name(&path)?;
        if !self.finder.covers(&name) {
            return None;
        }
        let mut linked = Linked::default();
        let module = match world.find_module(&name) {
            Found::Module(module) if world.file(module) == Some(file) => module,
            _ => {
                let message = format!("not linked: Python imports another file as {name}");
                linked.problems.push(Problem { file: path, line: 0, column: 0, message });
                return Some(linked);
            }
        };
        let structure = world.structure(module)?;
        let mut deps = Deps::default();
        match Rule::all_about(self.rules()) {
            About::Functions => {
                self.functions(world, (module, file), &structure, &mut linked, &mut deps);
            }
            About::Modules => self.module(world, (module, file), &mut linked, &mut deps),
            About::Classes => self.classes(world, (module, file), &structure, &mut linked, &mut deps),
        }
        let at = At { module, limit: u32::MAX, class: None };
        let (rows, seen) = self.dynamic(world, at, &structure, &path);
        linked.dynamic.extend(rows);
        deps = world.deps.join(deps, seen);
        linked.depends_on = world.deps.files(deps).iter().copied().filter(|other| *other != file).collect();
        Some(linked)
    }

    fn classes(
        &mut self,
        world: &mut World<'_, '_>,
        (module, file): (ModuleId, FileId),
        structure: &Structure,
        linked: &mut Linked,
        deps: &mut Deps,
    ) {
        let key = |class| ClassKey { module, class };
        let live = live_classes(world, key, structure);
        let mut seen: HashMap<String, usize, Fast> = HashMap::default();
        for (id, class) in structure.classes.iter().enumerate() {
            let key = key(id as u32);
            if !live.get(id).copied().unwrap_or_default() || !self.matches(world, key, class, deps) {
                continue;
            }
            let qualname = qualname(structure, key.class);
            if let Some(first) = seen.get(&qualname) {
                let message =
                    format!("{qualname} is defined again: which one stays is decided while running");
                let file = world.tree.path(file).1.into_owned();
                linked.dynamic.push(Problem { file, line: class.line, column: 1, message });
                let _ = first;
                continue;
            }
            seen.insert(qualname, linked.records.len());
            let Some(name) = self.name(world, key, file, class, linked, deps) else { continue };
            let payload = Payload::Class(self.class_payload(world, key, class, deps));
            linked.records.push(Record {
                name,
                file,
                line: class.line,
                payload: postcard::to_allocvec(&payload).unwrap_or_default(),
            });
        }
    }

    /// Whether every rule holds. What the answer rests on is added to `deps`, whichever it is.
    fn matches(&mut self, world: &mut World<'_, '_>, key: ClassKey, class: &Class, deps: &mut Deps) -> bool {
        if !self.accepts_name(&class.name) {
            return false;
        }
        let finder = self.finder;
        for (at, rule) in finder.rules.iter().enumerate() {
            let holds = match rule {
                Rule::Attribute(name) => {
                    let (found, _) = visible(&class.members, u32::MAX, name);
                    !found.is_empty()
                }
                Rule::Decorator(name) => {
                    let head = world.head(key);
                    class.decorators.iter().any(|expr| decorated(world, head, expr, name, deps))
                }
                Rule::Exported(_) => self.exported.get(at).is_some_and(|keys| keys.contains(&key)),
                Rule::Base(_) => {
                    let info = world.info(key);
                    *deps = world.deps.join(*deps, info.deps);
                    self.derives_by(world, key, at)
                }
                Rule::Metaclass(_) => {
                    let info = world.info(key);
                    *deps = world.deps.join(*deps, info.deps);
                    let metaclasses = world.metaclass(key);
                    metaclasses.iter().any(|target| {
                        self.targets.get(at).is_some_and(|(targets, _)| targets.contains(target))
                            || matches!(target, Target::Class(key) if self.metaclass_derives(world, *key, at, deps))
                    })
                }
                Rule::MetaclassNamed(name) => {
                    let info = world.info(key);
                    *deps = world.deps.join(*deps, info.deps);
                    let metaclasses = world.metaclass(key);
                    metaclasses.iter().any(|target| is_called(&world.display(target), name))
                }
                Rule::Any | Rule::Suffix(_) | Rule::Prefix(_) => true,
                Rule::Function | Rule::FunctionDecorator(_) | Rule::Module => false,
            };
            if !holds {
                return false;
            }
        }
        self.finder.include_abstract || !is_abstract(world, key, deps)
    }

    fn metaclass_derives(
        &mut self,
        world: &mut World<'_, '_>,
        key: ClassKey,
        at: usize,
        deps: &mut Deps,
    ) -> bool {
        let info = world.info(key);
        *deps = world.deps.join(*deps, info.deps);
        self.derives_by(world, key, at)
    }

    fn derives_by(&mut self, world: &mut World<'_, '_>, key: ClassKey, at: usize) -> bool {
        self.targets.get_mut(at).is_some_and(|(targets, memo)| world.derives(key, targets, memo))
    }

    /// Whether a class derives from the base of a rule.
    pub(super) fn derives(&mut self, world: &mut World<'_, '_>, key: ClassKey) -> bool {
        let bases: Vec<usize> = (0..self.finder.rules.len())
            .filter(|at| matches!(self.finder.rules.get(*at), Some(Rule::Base(_))))
            .collect();
        bases.into_iter().any(|at| self.derives_by(world, key, at))
    }

    /// Whether something is the base of a rule itself.
    pub(super) fn is_base(&self, target: &Target) -> bool {
        let is_base = |(rule, (targets, _)): (&Rule, &(Vec<Target>, _))| {
            matches!(rule, Rule::Base(_)) && targets.contains(target)
        };
        self.finder.rules.iter().zip(&self.targets).any(is_base)
    }

    /// Whether the rules that look at names only let one through.
    pub(super) fn accepts_name(&self, name: &str) -> bool {
        (self.finder.include_private || !name.starts_with('_'))
            && self.rules().iter().all(|rule| match rule {
                Rule::Suffix(suffix) => name.len() > suffix.len() && name.ends_with(suffix.as_str()),
                Rule::Prefix(prefix) => name.len() > prefix.len() && name.starts_with(prefix.as_str()),
                _ => true,
            })
    }

    fn suffix(&self) -> &str {
        let suffix =
            |rule: &'f Rule| if let Rule::Suffix(suffix) = rule { Some(suffix.as_str()) } else { None };
        self.finder.rules.iter().find_map(suffix).unwrap_or("")
    }

    fn name(
        &self,
        world: &mut World<'_, '_>,
        key: ClassKey,
        file: FileId,
        class: &Class,
        linked: &mut Linked,
        deps: &mut Deps,
    ) -> Option<String> {
        let module = world.module_name(key.module);
        if let Some(name) = self.finder.name.of(&class.name, &module, self.suffix(), false) {
            return Some(name);
        }
        let NameRule::Attribute(attribute) = &self.finder.name else { return None };
        let found = world.attribute(&Resolution::of(Target::Class(key)), attribute);
        let known = world.value_of_targets(&found, attribute);
        *deps = world.deps.join(*deps, known.deps);
        let reason = match known.value {
            Ok(Value::Str(name)) => return Some(name),
            Ok(Value::Int(name)) => return Some(name.to_string()),
            Ok(_) => "is neither text nor a number".to_owned(),
            Err(unknown) => unknown.reason,
        };
        let message = format!("{} has no name: its attribute {attribute} {reason}", class.name);
        let file = world.tree.path(file).1.into_owned();
        linked.dynamic.push(Problem { file, line: class.line, column: 1, message });
        None
    }

    fn class_payload(
        &self,
        world: &mut World<'_, '_>,
        key: ClassKey,
        class: &Class,
        deps: &mut Deps,
    ) -> ClassPayload {
        let info = world.info(key);
        *deps = world.deps.join(*deps, info.deps);
        let (order, _) = world.ancestors(key);
        let heads = world.heads(key);
        let ancestors: Vec<ClassKey> = order.get(1..).unwrap_or_default().to_vec();
        let bases = heads.primary().map(|target| {
            let position = ancestors.iter().position(|ancestor| *target == Target::Class(*ancestor));
            position
                .map_or_else(|| BaseName::Named(world.display(target)), |at| BaseName::Ancestor(at as u32))
        });
        let mut payload = ClassPayload {
            class: key.class,
            bases: bases.collect(),
            notes: heads.notes.clone(),
            module_values: self.module_values(world, key.module, deps),
            ..ClassPayload::default()
        };
        payload.ancestors = ancestors
            .iter()
            .filter_map(|ancestor| Some((world.file(ancestor.module)?.0, ancestor.class)))
            .collect();
        payload.values = attribute_values(world, &order, deps);
        let head = world.head(key);
        payload.symbols = decorator_symbols(world, head, &class.decorators, deps);
        payload
    }

    fn module_values(
        &self,
        world: &mut World<'_, '_>,
        module: ModuleId,
        deps: &mut Deps,
    ) -> Vec<(String, Stored)> {
        let mut values = Vec::new();
        for name in &self.finder.module_literals {
            let found = world.member(module, name);
            let own_literal = matches!(found.single(), Some(Target::Value(place))
                if place.module == module && is_literal(world, *place));
            if own_literal || found.is_missing() {
                continue;
            }
            let known = world.value_of_targets(&found, name);
            *deps = world.deps.join(*deps, known.deps);
            values.push((name.clone(), stored(&known)));
        }
        values
    }

    /// The module itself, unless it is one of the packages that were named.
    fn module(
        &self,
        world: &mut World<'_, '_>,
        (module, file): (ModuleId, FileId),
        linked: &mut Linked,
        deps: &mut Deps,
    ) {
        let full = world.module_name(module);
        let last = full.rsplit('.').next().unwrap_or(&full);
        let is_package = world.modules.get(module).is_some_and(|module| module.is_package);
        let is_named = self.finder.packages.iter().any(|package| *package.name == *full);
        if is_package && is_named || !self.accepts_name(last) {
            return;
        }
        let name = match &self.finder.name {
            NameRule::Module => Some(full.to_string()),
            NameRule::Attribute(attribute) => {
                let found = world.member(module, attribute);
                let known = world.value_of_targets(&found, attribute);
                *deps = world.deps.join(*deps, known.deps);
                match known.value {
                    Ok(Value::Str(name)) => Some(name),
                    _ => None,
                }
            }
            rule => rule.of(last, &full, self.suffix(), false),
        };
        let Some(name) = name else {
            let message =
                format!("{full} has no name: it binds no constant text to what the name is taken from");
            let file = world.tree.path(file).1.into_owned();
            return linked.dynamic.push(Problem { file, line: 0, column: 0, message });
        };
        let payload = Payload::Module { values: self.module_values(world, module, deps) };
        let payload = postcard::to_allocvec(&payload).unwrap_or_default();
        linked.records.push(Record { name, file, line: 1, payload });
    }

    fn functions(
        &mut self,
        world: &mut World<'_, '_>,
        (module, file): (ModuleId, FileId),
        structure: &Structure,
        linked: &mut Linked,
        deps: &mut Deps,
    ) {
        let module_name = world.module_name(module);
        let names = Later::new(&structure.bindings);
        let mut seen: HashSet<&str> = HashSet::new();
        for (position, binding) in structure.bindings.iter().enumerate() {
            let Bound::Function(id) = binding.bound else { continue };
            let Some(function) = structure.functions.get(id as usize) else { continue };
            if !self.accepts_name(&function.name) || !names.stays(position) {
                continue;
            }
            let at = At { module, limit: position as u32, class: None };
            let finder = self.finder;
            let holds = finder.rules.iter().all(|rule| match rule {
                Rule::FunctionDecorator(name) => {
                    function.decorators.iter().any(|expr| decorated(world, at, expr, name, deps))
                }
                _ => true,
            });
            // One of two functions in branches is enough: the first.
            if !holds || !seen.insert(&function.name) {
                continue;
            }
            let Some(name) = finder.name.of(&function.name, &module_name, "", true) else { continue };
            let payload = Payload::Function(FunctionPayload {
                function: id,
                symbols: decorator_symbols(world, at, &function.decorators, deps),
                module_values: self.module_values(world, module, deps),
            });
            let payload = postcard::to_allocvec(&payload).unwrap_or_default();
            linked.records.push(Record { name, file, line: function.line, payload });
        }
    }
}

/// Values of the attributes that are no literals, own and inherited, as far as no nearer class binds the
/// name.
fn attribute_values(
    world: &mut World<'_, '_>,
    order: &[ClassKey],
    deps: &mut Deps,
) -> Vec<(u32, u32, Stored)> {
    let mut values = Vec::new();
    for (at, key) in order.iter().enumerate() {
        let deferred = world.deferred(*key);
        *deps = world.deps.join(*deps, deferred.deps);
        for (position, name, known) in &deferred.values {
            let nearer = |key: &ClassKey| {
                let structure = world.structure(key.module);
                let class = structure.as_ref().and_then(|known| known.classes.get(key.class as usize));
                class.is_some_and(|class| visible(&class.members, u32::MAX, name).1)
            };
            if !order.iter().take(at).any(nearer) {
                values.push((at as u32, *position, stored(known)));
            }
        }
    }
    values
}

fn stored(known: &Known) -> Stored {
    match &known.value {
        Ok(value) => Stored::Known(value.clone()),
        Err(unknown) => Stored::Dynamic(unknown.reason.clone()),
    }
}

fn is_literal(world: &World<'_, '_>, place: Place) -> bool {
    let structure = world.structure(place.module);
    let binding = structure.as_ref().and_then(|structure| super::names::binding(structure, place));
    binding.is_some_and(|binding| matches!(binding.bound, Bound::Literal))
}

/// Values of the names in the arguments of decorators.
fn decorator_symbols(
    world: &mut World<'_, '_>,
    at: At,
    decorators: &[Expr],
    deps: &mut Deps,
) -> Vec<(String, Value)> {
    let mut names: Vec<&Expr> = Vec::new();
    for decorator in decorators {
        if let Expr::Call(call) = decorator {
            call.arguments.iter().for_each(|argument| names_in(argument, &mut names, 0));
            call.keywords.iter().for_each(|(_, argument)| names_in(argument, &mut names, 0));
        }
    }
    let mut symbols: Vec<(String, Value)> = Vec::new();
    for expr in names {
        let Some(name) = dotted(expr) else { continue };
        if symbols.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let known = world.fold(at, expr, true);
        *deps = world.deps.join(*deps, known.deps);
        if let Ok(value) = known.value {
            symbols.push((name, value));
        }
    }
    symbols
}

/// The dotted names in an expression; what a call calls is none of them.
fn names_in<'e>(expr: &'e Expr, names: &mut Vec<&'e Expr>, depth: u32) {
    if depth > 100 {
        return;
    }
    let mut each = |inner: &'e Expr| names_in(inner, names, depth + 1);
    match expr {
        Expr::Name(_) | Expr::Attribute(..) => names.push(expr),
        Expr::Subscript(a, b) | Expr::Binary(_, a, b) => {
            each(a);
            each(b);
        }
        Expr::Unary(_, inner) | Expr::Starred(inner) => each(inner),
        Expr::Tuple(all) | Expr::List(all) | Expr::Set(all) => all.iter().for_each(each),
        Expr::Dict(pairs) => pairs.iter().for_each(|(key, value)| {
            key.iter().for_each(&mut each);
            each(value);
        }),
        Expr::Call(call) => {
            if let Expr::Attribute(object, _) = &call.function
                && !matches!(&**object, Expr::Name(module) if module == "re")
            {
                each(object);
            }
            call.arguments.iter().for_each(&mut each);
            call.keywords.iter().for_each(|(_, value)| each(value));
        }
        Expr::Format(parts) => parts.iter().for_each(|part| {
            if let crate::python::facts::FormatPart::Field { value, .. } = part {
                each(value);
            }
        }),
        Expr::Literal(_) | Expr::Str(_) | Expr::Dynamic { .. } => {}
    }
}

/// Whether a decorator is `name`: as written, by its last part, or by what it stands for.
fn decorated(world: &mut World<'_, '_>, at: At, expr: &Expr, name: &str, deps: &mut Deps) -> bool {
    let callee = if let Expr::Call(call) = expr { &call.function } else { expr };
    let Some(written) = dotted(callee) else { return false };
    if is_called(&written, name) {
        return true;
    }
    if !name.contains(['.', ':']) {
        return false;
    }
    let found = world.resolve(at, callee);
    *deps = world.deps.join(*deps, found.deps);
    let wanted = name.replace(':', ".");
    found.targets.iter().any(|target| world.display(target).replace(':', ".") == wanted)
}

fn is_called(dotted: &str, name: &str) -> bool {
    dotted == name || dotted.replace(':', ".") == name || dotted.rsplit(['.', ':']).next() == Some(name)
}

/// Whether a class cannot be instantiated: it is a protocol, or abstract methods are left.
fn is_abstract(world: &mut World<'_, '_>, key: ClassKey, deps: &mut Deps) -> bool {
    let info = world.info(key);
    *deps = world.deps.join(*deps, info.deps);
    let heads = world.heads(key);
    let is_protocol = |target: &Target| matches!(target, Target::External(name) if matches!(&**name, "typing.Protocol" | "typing_extensions.Protocol"));
    if heads.primary().any(is_protocol) {
        return true;
    }
    let (order, _) = world.ancestors(key);
    let mut decided: Vec<String> = Vec::new();
    let mut left = false;
    let structures: Vec<_> = order.iter().map(|key| (world.structure(key.module), key.class)).collect();
    let classes: Vec<&Class> = structures
        .iter()
        .filter_map(|(structure, class)| structure.as_ref()?.classes.get(*class as usize))
        .collect();
    for name in classes.iter().flat_map(|class| &class.abstract_methods) {
        if decided.contains(name) {
            continue;
        }
        decided.push(name.clone());
        let first = classes.iter().find(|class| !visible(&class.members, u32::MAX, name).0.is_empty());
        left |= first.is_some_and(|class| class.abstract_methods.contains(name));
    }
    // Without the metaclass the decorator means nothing.
    left && world.metaclass(key).iter().any(|target| {
        let name = world.display(target);
        is_called(&name, "ABCMeta") || is_called(&name, "EnumMeta") || matches!(target, Target::Class(_))
    })
}

fn exported_names(
    world: &mut World<'_, '_>,
    module: ModuleId,
    names: &mut HashSet<String, Fast>,
    depth: u32,
    deps: &mut Deps,
) {
    if let Some(file) = world.file(module) {
        let file = world.deps.of(file);
        *deps = world.deps.join(*deps, file);
    }
    let Some(structure) = world.structure(module) else { return };
    for binding in &structure.bindings {
        let Bound::Star(reference) = &binding.bound else {
            names.insert(binding.name.clone());
            continue;
        };
        let Some(full) = world.modules.absolute(module, reference) else { continue };
        if let Found::Module(source) = world.find_module(&full)
            && depth < 32
        {
            // Which of them the star takes is decided when each is looked up.
            exported_names(world, source, names, depth + 1, deps);
        }
    }
}

fn report(world: &mut World<'_, '_>, rule: &Rule, message: &str) {
    let message = format!("rule `{rule}`: {message}");
    world.tree.problem(Problem { file: String::new(), line: 0, column: 0, message });
}
