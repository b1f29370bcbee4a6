//! What is told of Python plugins: names, attributes, doubts, functions; and what a change moves.

use crate::trees::{Tree, finder};
use std::fmt::Write as _;

use plugcache_discovery::{
    plugin::Plugin,
    python::{PackageSpec, PythonFinder},
    value::Value,
};

fn text(value: &str) -> Value {
    Value::Str(value.to_owned())
}

fn attribute<'a>(plugin: &'a Plugin, name: &str) -> Option<&'a Value> {
    plugin.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

fn doubt<'a>(plugin: &'a Plugin, name: &str) -> Option<&'a str> {
    plugin.dynamic.iter().find(|row| row.name == name).map(|row| row.reason.as_str())
}

fn names(tree: &Tree, rules: &[&str]) -> Vec<String> {
    tree.plugins(finder(rules)).into_iter().map(|plugin| plugin.name).collect()
}

#[test]
fn attributes_are_own_first_then_inherited_and_folded_across_files() {
    let tree = Tree::new(&[
        ("r/const.py", "HOST = 'example'\nPORT = 80\nclass K:\n    _RE = r'[a-z]+'"),
        (
            "r/mid.py",
            "from base import Base\nimport const\nclass Mid(Base):\n    URL = f'https://{const.HOST}:{const.PORT}/'\n    \
             X = 1\n    Y = None\n    Z = 'mid'\n    def W(self): pass",
        ),
        (
            "r/a.py",
            "from mid import Mid\nfrom const import K, HOST as H\nimport os\nclass A(Mid):\n    X = 2\n    \
             RE = K._RE + '$'\n    SUM = [H, 'b', K._RE]\n    B = X\n    ENV = os.environ['A']\n    \
             if H:\n        Z = 'a'\n    W = 3",
        ),
    ]);
    let plugins = tree.plugins(finder(&["base=mid:Mid"]));
    let [plugin] = &*plugins else { panic!("{plugins:?}") };
    assert_eq!(attribute(plugin, "X"), Some(&Value::Int(2)));
    assert_eq!(attribute(plugin, "URL"), Some(&text("https://example:80/")));
    assert_eq!(attribute(plugin, "RE"), Some(&text("[a-z]+$")));
    assert_eq!(attribute(plugin, "B"), Some(&Value::Int(2)));
    assert_eq!(attribute(plugin, "Y"), Some(&Value::None));
    assert_eq!(attribute(plugin, "W"), Some(&Value::Int(3)));
    assert_eq!(attribute(plugin, "Z"), None);
    assert_eq!(doubt(plugin, "Z"), Some("is decided while running"));
    assert!(doubt(plugin, "ENV").is_some());
    assert!(attribute(plugin, "SUM").is_some() || doubt(plugin, "SUM").is_some());
    assert_eq!(plugin.bases, ["mid:Mid"]);
    let order: Vec<&str> = plugin.attributes.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(order.iter().position(|name| *name == "X"), Some(0));
    assert!(order.iter().position(|name| *name == "URL") > order.iter().position(|name| *name == "W"));
}

#[test]
fn a_diamond_is_looked_up_in_the_order_of_python() {
    let tree = Tree::new(&[(
        "r/a.py",
        "from base import Base\nclass T(Base): V = 't'\nclass L(T): pass\nclass R(T): V = 'r'\nclass D(L, R): pass",
    )]);
    let plugins = tree.plugins(finder(&["base=a:L"]));
    assert_eq!(attribute(&plugins[0], "V"), Some(&text("r")));
}

#[test]
fn a_function_in_place_of_a_value_is_a_doubt() {
    let tree = Tree::new(&[(
        "r/a.py",
        "from base import Base\nclass A(Base): V = 1\nclass B(A):\n    @property\n    def V(self): return 2",
    )]);
    let plugins = tree.plugins(finder(&["base=a:A"]));
    assert_eq!(attribute(&plugins[0], "V"), None);
    assert_eq!(doubt(&plugins[0], "V"), Some("is a function in place of a value"));
}

#[test]
fn each_rule_selects_what_it_says() {
    let tree = Tree::new(&[
        ("r/deco.py", "def mark(c): return c\nclass Meta(type): pass\nclass Sub(Meta): pass"),
        (
            "r/a.py",
            "import deco\nfrom deco import mark as m, Meta, Sub\nfrom abc import ABC, abstractmethod, ABCMeta\n\
             @deco.mark\nclass OneIE: key = 1\n@m\nclass TwoIE: key: int\nclass ThreeX(metaclass=Meta):\n    def key(self): pass\n\
             class FourX(ThreeX): pass\nclass FiveX(metaclass=Sub): pass\nclass _Six: pass\n\
             class Abs(ABC):\n    @abstractmethod\n    def go(self): pass\nclass Conc(Abs):\n    def go(self): pass\n\
             class Still(Abs): pass",
        ),
        ("r/out.py", "from a import OneIE as Renamed, FourX\nfrom more import *"),
        ("r/more.py", "from a import FiveX, ThreeX\n__all__ = ['FiveX']"),
    ]);
    let of = |rules: &[&str]| {
        let mut found = names(&tree, rules);
        found.sort();
        found
    };
    assert_eq!(of(&["suffix=IE"]), ["OneIE", "TwoIE"]);
    assert_eq!(of(&["suffix=IE", "prefix=One"]), ["OneIE"]);
    assert_eq!(of(&["decorator=mark"]), ["OneIE"]);
    assert_eq!(of(&["decorator=deco:mark"]), ["OneIE", "TwoIE"]);
    assert_eq!(of(&["attribute=key"]), ["OneIE", "ThreeX"]);
    assert_eq!(of(&["metaclass=deco:Meta"]), ["FiveX", "FourX", "ThreeX"]);
    assert_eq!(of(&["metaclass=Sub"]), ["FiveX"]);
    assert_eq!(of(&["metaclass=abc:ABCMeta"]), ["Abs", "Conc", "Still"]);
    assert_eq!(of(&["base=abc:ABC"]), ["Abs", "Conc", "Still"]);
    assert_eq!(of(&["exported=out"]), ["FiveX", "FourX", "OneIE"]);
    assert_eq!(of(&["exported=out", "suffix=X"]), ["FiveX", "FourX"]);
    let concrete = PythonFinder { include_abstract: false, ..finder(&["base=abc:ABC"]) };
    assert_eq!(tree.plugins(concrete).into_iter().map(|plugin| plugin.name).collect::<Vec<_>>(), ["Conc"]);
    let public = PythonFinder { include_private: false, ..finder(&["any"]) };
    assert!(!tree.plugins(public).iter().any(|plugin| plugin.name == "_Six"));
    assert!(of(&["any"]).contains(&"_Six".to_owned()));
}

#[test]
fn names_come_from_where_the_rule_says() {
    let tree = Tree::new(&[(
        "r/p/my_mod.py",
        "from base import Base\nK = 'x'\nclass MyThingIE(Base):\n    key = K + '1'\nclass OtherIE(MyThingIE): pass\n\
         class CompIE(Base):\n    key = K.upper\nclass NoneIE(Base): pass",
    )]);
    let of = |name: &str| {
        let finder = PythonFinder { name: name.parse().unwrap(), ..finder(&["base=base:Base", "suffix=IE"]) };
        let (plugins, report) = tree.all(finder);
        (plugins.into_iter().map(|plugin| plugin.name).collect::<Vec<_>>(), report)
    };
    assert_eq!(of("class-without-suffix").0, ["Comp", "MyThing", "None", "Other"]);
    assert_eq!(of("snake").0, ["comp", "my_thing", "none", "other"]);
    assert_eq!(of("module").0, ["p.my_mod"; 4]);
    assert_eq!(of("stem").0, ["my_mod"; 4]);
    let (found, report) = of("attribute:key");
    assert_eq!(found, ["x1", "x1"]);
    assert_eq!(report.dynamic.len(), 2, "{:?}", report.dynamic);
}

#[test]
fn what_only_running_tells_is_reported_and_not_guessed() {
    let tree = Tree::new(&[
        (
            "r/a.py",
            "from base import Base\nfrom six import with_metaclass\nimport lazy\n\
             class A(with_metaclass(type, Base)): pass\nclass B(make(), Base): pass\nclass C(lazy.Thing): pass\n\
             D = type('D', (Base,), {})\nE = type('E', (dict,), {})\nF = make(Base)\nlog = logging.getLogger(__name__)\n",
        ),
        ("r/lazy.py", "def __getattr__(name): return 1"),
    ]);
    let (plugins, report) = tree.all(finder(&["base=base:Base"]));
    assert_eq!(plugins.iter().map(|plugin| plugin.name.as_str()).collect::<Vec<_>>(), ["B"]);
    assert_eq!(doubt(&plugins[0], "calls make()"), Some("calls make()"));
    let rows: Vec<(u32, &str)> = report.dynamic.iter().map(|row| (row.line, row.message.as_str())).collect();
    let at = |line| rows.iter().any(|(row, _)| *row == line);
    assert!(at(7) && at(9) && !at(8) && !at(10), "{rows:?}");
    assert!(report.dynamic.iter().any(|row| row.file.ends_with("lazy.py")), "{rows:?}");
}

#[test]
fn functions_have_signatures_and_decorators() {
    let tree = Tree::new(&[(
        "r/tasks.py",
        "from lib import task\nLIMIT = 3\n@task(retries=LIMIT, name='go')\ndef run(a, /, b: int = 1, *c, d=LIMIT, **e) -> str:\n    \
         'Runs.'\n\ndef plain(): pass\nasync def _hidden(): pass\nif LIMIT:\n    def run2(): pass",
    )]);
    let inside = |finder| PythonFinder { packages: vec![PackageSpec::recursive("tasks")], ..finder };
    let plugins = tree.plugins(inside(finder(&["function"])));
    assert_eq!(
        plugins.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(),
        ["_hidden", "plain", "run", "run2"]
    );
    let plugins = tree.plugins(inside(finder(&["function-decorator=task"])));
    let [run] = &*plugins else { panic!("{plugins:?}") };
    assert_eq!((run.kind, run.doc.as_deref(), run.line), ("python-function", Some("Runs."), 4));
    let signature = run.signature.as_ref().unwrap();
    assert_eq!(signature.parameters.len(), 5);
    assert_eq!(signature.returns.as_deref(), Some("str"));
    assert_eq!(run.decorators[0].keywords[0], ("retries".to_owned(), Some(Value::Int(3))));
}

#[test]
fn fields_of_dataclasses_are_in_their_order() {
    let tree = Tree::new(&[(
        "r/a.py",
        "from dataclasses import dataclass\nfrom typing import ClassVar\nfrom base import Base\n@dataclass\n\
         class P(Base):\n    x: int\n    y: str = 'a'\n    k: ClassVar[int] = 1\n@dataclass\nclass Q(P):\n    z: float = 1.5\n    x: bool = True",
    )]);
    let plugins = tree.plugins(finder(&["base=a:P"]));
    let fields: Vec<(&str, Option<Value>)> =
        plugins[0].fields.iter().map(|field| (field.name.as_str(), field.default.clone())).collect();
    assert_eq!(
        fields,
        [("x", Some(Value::Bool(true))), ("y", Some(text("a"))), ("z", Some(Value::Float(1.5)))]
    );
}

#[test]
fn module_literals_come_along() {
    let tree = Tree::new(&[
        ("r/v.py", "VERSION = '1.' + '2'"),
        (
            "r/a.py",
            "from base import Base\nfrom v import VERSION as __VER__\n_CONFIG = {'A': [1, None]}\nclass A(Base): pass",
        ),
    ]);
    let finder = PythonFinder {
        module_literals: vec!["_CONFIG".into(), "__VER__".into(), "absent".into()],
        ..finder(&["base=base:Base"])
    };
    let plugins = tree.plugins(finder);
    let config = Value::Dict(vec![(text("A"), Value::List(vec![Value::Int(1), Value::None]))]);
    let expected = [("_CONFIG".to_owned(), config), ("__VER__".to_owned(), text("1.2"))];
    assert_eq!(plugins[0].module_attributes, expected);
}

#[test]
fn long_chains_and_cycles_end() {
    let mut chain = "from base import Base\nclass C0(Base): V = 1\n".to_owned();
    for at in 1..10_000 {
        writeln!(chain, "class C{at}(C{}): pass", at - 1).unwrap();
    }
    let tree = Tree::new(&[
        ("r/chain.py", &chain),
        ("r/x.py", "from y import A\nB = A\nclass X(B): pass\nclass W(Z): pass\nclass Z(W): pass"),
        ("r/y.py", "from x import B\nA = B\nfrom x import *\nfrom z import *"),
        ("r/z.py", "from y import *\nfrom z import *"),
    ]);
    assert_eq!(names(&tree, &["base=base:Base"]).len(), 10_000);
}

#[test]
fn a_package_that_is_nowhere_is_a_problem_that_says_where_it_looked() {
    let tree = Tree::new(&[]);
    let finder = PythonFinder { packages: vec![PackageSpec::recursive("no.where")], ..finder(&["any"]) };
    let (plugins, report) = tree.all(finder);
    assert!(plugins.is_empty());
    assert!(report.problems.iter().any(|row| row.message.contains("no.where")), "{:?}", report.problems);
}

#[test]
fn modules_can_be_plugins_themselves() {
    let tree = Tree::new(&[
        ("r/p/__init__.py", ""),
        ("r/p/one.py", "'First.'\n__version__ = '1' + '.0'\nTITLE = 'one!'"),
        ("r/p/_two.py", "x = 1"),
        ("r/p/sub/__init__.py", "TITLE = 'sub'"),
    ]);
    let modules = PythonFinder {
        packages: vec![PackageSpec::recursive("p")],
        name: "stem".parse().unwrap(),
        module_literals: vec!["__version__".into()],
        ..finder(&["module"])
    };
    let plugins = tree.plugins(modules.clone());
    assert_eq!(plugins.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["_two", "one", "sub"]);
    let one = &plugins[1];
    assert_eq!((one.kind, one.doc.as_deref(), one.line), ("python-module", Some("First."), 1));
    assert_eq!(one.module_attributes, [("__version__".to_owned(), text("1.0"))]);
    let named = PythonFinder { include_private: false, name: "attribute:TITLE".parse().unwrap(), ..modules };
    let plugins = tree.plugins(named);
    assert_eq!(plugins.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["one!", "sub"]);
}
