//! The finder for Python: which packages, which rules, which names.

use std::path::Path;

use super::{
    describe::Describer,
    extract::{self, Options, Syntax},
    link,
    naming::NameRule,
    rules::{About, Rule, RuleError},
    walk,
};
use crate::{
    finder::{Extracted, Facts, Finder, Links, Record, Scope},
    plugin::Plugin,
    tree::Tree,
};

/// A package below the roots, or a single module.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PackageSpec {
    /// Dotted name.
    pub name: String,
    /// Whether packages inside it count.
    pub recursive: bool,
}

impl PackageSpec {
    /// A package with everything in it.
    pub fn recursive(name: impl Into<String>) -> Self {
        Self { name: name.into(), recursive: true }
    }
}

/// Finds classes, functions or modules in Python source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PythonFinder {
    /// Where to look. Default: none, which is everything below each root.
    pub packages: Vec<PackageSpec>,
    /// What must hold, all of it. Default: nothing, which takes every class.
    pub rules: Vec<Rule>,
    /// What a plugin is called. Default: as its class.
    pub name: NameRule,
    /// Whether names that start with `_` count. Default: yes.
    pub include_private: bool,
    /// Whether classes count that cannot be instantiated. Default: yes.
    pub include_abstract: bool,
    /// Module-level constants that are told with each plugin of the module. Default: none.
    pub module_literals: Vec<String>,
    /// How files are read.
    pub syntax: Syntax,
}

impl Default for PythonFinder {
    fn default() -> Self {
        Self {
            packages: Vec::new(),
            rules: Vec::new(),
            name: NameRule::default(),
            include_private: true,
            include_abstract: true,
            module_literals: Vec::new(),
            syntax: Syntax::default(),
        }
    }
}

impl PythonFinder {
    /// Whether the rules go together.
    ///
    /// # Errors
    /// [`RuleError::Mixed`] if they are about different kinds of plugins.
    pub fn check(&self) -> Result<(), RuleError> {
        Rule::check(&self.rules)
    }

    /// Whether a module is in one of the packages.
    pub(super) fn covers(&self, module: &str) -> bool {
        self.packages.is_empty()
            || self.packages.iter().any(|package| match module.strip_prefix(package.name.as_str()) {
                Some("") => true,
                Some(rest) => {
                    rest.strip_prefix('.').is_some_and(|inside| package.recursive || !inside.contains('.'))
                }
                None => false,
            })
    }
}

impl Finder for PythonFinder {
    fn version(&self) -> u32 {
        3
    }

    fn spec(&self) -> String {
        // One item a line, each with a tag: no two finders share a text.
        let mut lines: Vec<String> = Vec::new();
        lines.extend(
            self.packages.iter().map(|package| format!("package {} {}", package.recursive, package.name)),
        );
        lines.extend(self.rules.iter().map(|rule| format!("rule {rule}")));
        lines.push(format!("name {}", self.name));
        lines.push(format!("private {} abstract {}", self.include_private, self.include_abstract));
        lines.extend(self.module_literals.iter().map(|name| format!("literal {name}")));
        lines.push(format!("syntax {:?}", self.syntax));
        format!("python\n{}", lines.join("\n"))
    }

    fn is_relevant(&self, name: &str) -> bool {
        walk::is_relevant(name)
    }

    fn walk(&self, tree: &mut Tree<'_>) {
        walk::walk(&self.packages, tree);
    }

    fn extract(&self, _path: &Path, bytes: &[u8]) -> Extracted {
        let about = Rule::all_about(&self.rules);
        let options = Options {
            syntax: self.syntax,
            functions: matches!(about, About::Functions | About::Definitions),
            methods: about == About::Definitions,
        };
        match extract::extract(bytes, &options) {
            Ok((structure, details)) => Extracted {
                // Encoding into memory does not fail.
                structure: postcard::to_allocvec(&structure).unwrap_or_default(),
                details: postcard::to_allocvec(&details).unwrap_or_default(),
                problem: None,
            },
            Err(problem) => Extracted { problem: Some(problem), ..Extracted::default() },
        }
    }

    fn link(&self, tree: &mut Tree<'_>, scope: Scope<'_>) -> Links {
        link::link(self, tree, scope)
    }

    fn describe(&self, facts: &dyn Facts, record: &Record) -> Plugin {
        Describer::new(self, facts).describe(record)
    }

    fn describer<'a>(&'a self, facts: &'a dyn Facts) -> Box<dyn FnMut(&Record) -> Plugin + 'a> {
        let mut describer = Describer::new(self, facts);
        Box::new(move |record| describer.describe(record))
    }
}

#[cfg(test)]
mod tests {
    use super::{PackageSpec, PythonFinder};
    use crate::finder::Finder;

    #[test]
    fn packages_cover_what_is_in_them() {
        let finder = |recursive| PythonFinder {
            packages: vec![PackageSpec { name: "a.b".into(), recursive }],
            ..PythonFinder::default()
        };
        assert!(
            finder(true).covers("a.b") && finder(true).covers("a.b.c.d") && finder(false).covers("a.b.c")
        );
        assert!(
            !finder(false).covers("a.b.c.d") && !finder(true).covers("a.bc") && !finder(true).covers("a")
        );
        assert!(PythonFinder::default().covers("x"));
        assert_ne!(finder(true).spec(), finder(false).spec());
    }
}
