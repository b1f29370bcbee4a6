//! How classes hang together: bases, the order in which attributes are looked up, metaclasses.
//!
//! Chains of inheritance are walked with explicit stacks, since they may be longer than a thread's stack is
//! deep. A class with one base shares its base's order, so that long chains cost little.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use super::{
    deps::Deps,
    hash::Fast,
    names::describe,
    world::{ClassKey, Resolution, Target, World},
};
use crate::python::facts::{Class, Expr};

/// Ancestors that are followed for attributes; real classes have a few dozen.
const MOST_ANCESTORS: usize = 256;

/// What a class statement's head says, resolved.
#[derive(Debug, Default)]
pub(in crate::python) struct Heads {
    /// What each base stands for: the candidate that counts first. Never empty.
    pub(in crate::python) bases: Vec<Vec<Target>>,
    /// Why the head is not known for certain: (as written, reason).
    pub(in crate::python) notes: Vec<(String, String)>,
    pub(in crate::python) metaclass: Vec<Target>,
    pub(in crate::python) deps: Deps,
}

/// Where a class stands among the others.
#[derive(Debug)]
pub(in crate::python) struct Info {
    order: Order,
    /// Some ancestor is not known.
    pub(in crate::python) complete: bool,
    /// Everything that the class and its ancestors rest on.
    pub(in crate::python) deps: Deps,
}

/// The method resolution order after the class itself.
#[derive(Debug)]
enum Order {
    /// That of its only base, or nothing.
    Base(Option<Target>),
    Merged(Vec<Target>),
}

impl Heads {
    fn classes(&self) -> impl Iterator<Item = ClassKey> + '_ {
        self.bases.iter().flatten().filter_map(|target| match target {
            Target::Class(key) => Some(*key),
            _ => None,
        })
    }

    /// The candidate of each base that counts.
    pub(in crate::python) fn primary(&self) -> impl Iterator<Item = &Target> {
        self.bases.iter().filter_map(|candidates| candidates.first())
    }
}

impl World<'_, '_> {
    pub(in crate::python) fn heads(&mut self, key: ClassKey) -> Rc<Heads> {
        if let Some(known) = self.heads.get(&key) {
            return Rc::clone(known);
        }
        // Met again while it is worked out, a class has no bases: only nonsense gets there.
        self.heads.insert(key, Rc::default());
        let structure = self.structure(key.module);
        let class = structure.as_ref().and_then(|structure| structure.classes.get(key.class as usize));
        let heads = Rc::new(class.map(|class| self.read_head(key, class)).unwrap_or_default());
        self.heads.insert(key, Rc::clone(&heads));
        heads
    }

    fn read_head(&mut self, key: ClassKey, class: &Class) -> Heads {
        let mut heads = Heads::default();
        if class.bases.is_empty() && class.metaclass.is_none() {
            return heads;
        }
        let at = self.head(key);
        for expr in &class.bases {
            let found = self.resolve(at, expr);
            heads.deps = self.deps.join(heads.deps, found.deps);
            self.read_base(key, expr, found, &mut heads);
        }
        if let Some(expr) = &class.metaclass {
            let found = self.resolve(at, expr);
            heads.deps = self.deps.join(heads.deps, found.deps);
            heads.metaclass = found.targets;
        }
        heads
    }

    fn read_base(&mut self, key: ClassKey, expr: &Expr, found: Resolution, heads: &mut Heads) {
        let written = || crate::python::literals::dotted(expr).unwrap_or_else(|| describe(expr));
        let is_class = |target: &Target| matches!(target, Target::Class(_) | Target::External(_));
        let branches = found.targets.len() > 1;
        let mut reasons: Vec<String> = Vec::new();
        for target in found.targets.iter().filter(|target| !is_class(target)) {
            reasons.push(match target {
                Target::Unknown(reason) => reason.to_string(),
                Target::Missing => format!("{} is not bound", describe(expr)),
                Target::Value(place) => self.value_does(*place),
                other => format!("is {}, which is no class", self.display(other)),
            });
        }
        let mut candidates: Vec<Target> = found.targets.into_iter().filter(is_class).collect();
        candidates.retain(|target| *target != Target::Class(key));
        // A class that is known says more than one that is not, whichever branch runs.
        candidates.sort_by_key(|target| !matches!(target, Target::Class(_)));
        if branches && reasons.is_empty() {
            let names: Vec<String> = candidates.iter().map(|target| self.display(target)).collect();
            reasons.push(format!("is decided while running: {}", names.join(" or ")));
        }
        heads.notes.extend(reasons.into_iter().map(|reason| (written(), reason)));
        if !candidates.is_empty() {
            heads.bases.push(candidates);
        }
    }

    pub(in crate::python) fn info(&mut self, key: ClassKey) -> Rc<Info> {
        if let Some(known) = self.infos.get(&key) {
            return Rc::clone(known);
        }
        let mut stack = vec![(key, false)];
        let mut open: HashSet<ClassKey, Fast> = HashSet::default();
        while let Some((class, expanded)) = stack.pop() {
            if self.infos.contains_key(&class) {
                continue;
            }
            let heads = self.heads(class);
            if !expanded && open.insert(class) {
                stack.push((class, true));
                stack.extend(heads.classes().filter(|base| !open.contains(base)).map(|base| (base, false)));
                continue;
            }
            if expanded {
                let info = Rc::new(self.derive_info(class, &heads));
                self.infos.insert(class, info);
            }
        }
        self.infos.get(&key).map_or_else(|| Rc::new(Info::nothing()), Rc::clone)
    }

    fn derive_info(&mut self, key: ClassKey, heads: &Heads) -> Info {
        let mut deps = heads.deps;
        let mut complete = heads.notes.is_empty();
        for base in heads.classes() {
            if let Some(file) = self.file(base.module) {
                let file = self.deps.of(file);
                deps = self.deps.join(deps, file);
            }
            if let Some(info) = self.infos.get(&base) {
                deps = self.deps.join(deps, info.deps);
                complete &= info.complete;
            }
        }
        let is_object =
            |target: &&Target| matches!(target, Target::External(name) if &**name == "builtins.object");
        let bases: Vec<&Target> = heads.primary().filter(|target| !is_object(target)).collect();
        complete &= bases.iter().all(|base| !matches!(base, Target::External(name) if is_opaque(name)));
        let order = match &*bases {
            [] => Order::Base(None),
            [base] => Order::Base(Some((*base).clone())),
            _ => Order::Merged(self.merge(key, &bases)),
        };
        Info { order, complete, deps }
    }

    /// The C3 order of several bases; where there is none, the order of a depth-first walk.
    fn merge(&self, key: ClassKey, bases: &[&Target]) -> Vec<Target> {
        // `Generic` steps back behind the other bases, wherever it is written.
        let is_generic =
            |target: &Target| matches!(target, Target::External(name) if &**name == "typing.Generic");
        let generic = bases.iter().any(|base| is_generic(base));
        let mut rows: Vec<Vec<Target>> = bases
            .iter()
            .filter(|base| !is_generic(base))
            .map(|base| self.order_from(base).into_iter().filter(|one| !is_generic(one)).collect())
            .collect();
        rows.push(bases.iter().filter(|base| !is_generic(base)).map(|base| (*base).clone()).collect());
        let fallback: Vec<Target> = rows.iter().flatten().cloned().collect();
        let mut merged = merge_rows(rows).unwrap_or_else(|| {
            let mut seen: Vec<Target> = Vec::new();
            for target in fallback {
                if !seen.contains(&target) {
                    seen.push(target);
                }
            }
            seen
        });
        merged.retain(|target| *target != Target::Class(key));
        if generic {
            merged.extend(bases.iter().find(|base| is_generic(base)).map(|base| (*base).clone()));
        }
        merged
    }

    /// A target and its ancestors, in order.
    fn order_from(&self, target: &Target) -> Vec<Target> {
        let mut order = vec![target.clone()];
        let mut next = target.clone();
        while order.len() < MOST_ANCESTORS {
            let Target::Class(key) = next else { break };
            match self.infos.get(&key).map(|info| &info.order) {
                Some(Order::Base(Some(base))) => {
                    if order.contains(base) {
                        break;
                    }
                    order.push(base.clone());
                    next = base.clone();
                }
                Some(Order::Merged(rest)) => {
                    order.extend(rest.iter().cloned());
                    break;
                }
                Some(Order::Base(None)) | None => break,
            }
        }
        order.truncate(MOST_ANCESTORS);
        order
    }

    /// The class and its ancestors in order, those outside the roots included.
    pub(in crate::python) fn order(&mut self, key: ClassKey) -> Vec<Target> {
        self.info(key);
        self.order_from(&Target::Class(key))
    }

    /// The class and its known ancestors in order, and whether there are no others.
    pub(in crate::python) fn ancestors(&mut self, key: ClassKey) -> (Vec<ClassKey>, bool) {
        let complete = self.info(key).complete;
        let order = self.order(key);
        let known: Vec<ClassKey> = order
            .iter()
            .filter_map(|target| if let Target::Class(key) = target { Some(*key) } else { None })
            .collect();
        (known, complete && order.len() < MOST_ANCESTORS)
    }

    /// Whether a class derives from one of the targets, however indirectly and in whichever branch. Kept in
    /// `memo`, which belongs to the targets.
    pub(in crate::python) fn derives(
        &mut self,
        key: ClassKey,
        targets: &[Target],
        memo: &mut HashMap<ClassKey, bool, Fast>,
    ) -> bool {
        let mut stack = vec![(key, false)];
        let mut open: HashSet<ClassKey, Fast> = HashSet::default();
        while let Some((class, expanded)) = stack.pop() {
            if memo.contains_key(&class) {
                continue;
            }
            let heads = self.heads(class);
            if heads.bases.iter().flatten().any(|base| targets.contains(base)) {
                memo.insert(class, true);
            } else if expanded {
                let derives = heads.classes().any(|base| memo.get(&base) == Some(&true));
                memo.insert(class, derives);
            } else if open.insert(class) {
                stack.push((class, true));
                stack.extend(heads.classes().filter(|base| !open.contains(base)).map(|base| (base, false)));
            }
        }
        memo.get(&key) == Some(&true)
    }

    /// The metaclass, own or inherited: its candidates.
    pub(in crate::python) fn metaclass(&mut self, key: ClassKey) -> Vec<Target> {
        let mut found: Vec<Target> = Vec::new();
        for target in self.order(key) {
            let candidates = match &target {
                Target::Class(class) => self.heads(*class).metaclass.clone(),
                Target::External(name) => {
                    metaclass_of(name).map(|name| Target::External(name.into())).into_iter().collect()
                }
                _ => Vec::new(),
            };
            found.extend(candidates);
        }
        found
    }
}

impl Info {
    fn nothing() -> Self {
        Self { order: Order::Base(None), complete: false, deps: Deps::default() }
    }
}

fn merge_rows(mut rows: Vec<Vec<Target>>) -> Option<Vec<Target>> {
    for row in &mut rows {
        row.reverse();
    }
    let mut merged = Vec::new();
    loop {
        rows.retain(|row| !row.is_empty());
        if rows.is_empty() {
            return Some(merged);
        }
        let in_a_tail = |target: &Target| {
            rows.iter().any(|row| row.split_last().is_some_and(|(_, tail)| tail.contains(target)))
        };
        let next = rows.iter().filter_map(|row| row.last()).find(|target| !in_a_tail(target))?.clone();
        for row in &mut rows {
            if row.last() == Some(&next) {
                row.pop();
            }
        }
        merged.push(next);
    }
}

/// Whether a class outside the roots may bring attributes that matter. Those of the language do not.
fn is_opaque(name: &str) -> bool {
    !(name.starts_with("builtins.")
        || name.starts_with("typing.")
        || name.starts_with("typing_extensions.")
        || matches!(name, "abc.ABC" | "enum.Enum"))
}

/// The metaclass of well-known classes of the standard library, for when it is not below a root.
fn metaclass_of(name: &str) -> Option<&'static str> {
    match name {
        "abc.ABC" | "typing.Protocol" | "typing_extensions.Protocol" => Some("abc.ABCMeta"),
        "enum.Enum" | "enum.IntEnum" | "enum.StrEnum" | "enum.Flag" | "enum.IntFlag" => Some("enum.EnumMeta"),
        _ if name.starts_with("collections.abc.") || name.starts_with("io.") => Some("abc.ABCMeta"),
        _ => None,
    }
}
