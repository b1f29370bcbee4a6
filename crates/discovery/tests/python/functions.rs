//! Functions that a library exposes, and definitions with their constructors and methods.

use crate::trees::{Tree, finder};

use plugcache_discovery::{
    plugin::{Plugin, Signature},
    python::{PackageSpec, PythonFinder},
    value::Value,
};

fn exposed(package: &str) -> PythonFinder {
    PythonFinder { packages: vec![PackageSpec::recursive(package)], ..finder(&["function-exported"]) }
}

fn names(plugins: &[Plugin]) -> Vec<&str> {
    plugins.iter().map(|plugin| plugin.name.as_str()).collect()
}

/// `name=default` in order; `*` before what may only be named.
fn told(signature: Option<&Signature>) -> String {
    let rows = signature.iter().flat_map(|signature| &signature.parameters).map(|one| {
        let star =
            if one.kind == plugcache_discovery::python::facts::ParameterKind::KeywordOnly { "*" } else { "" };
        let default = one.default_text.as_deref().map_or(String::new(), |text| format!("={text}"));
        format!("{star}{}{default}", one.name)
    });
    rows.collect::<Vec<_>>().join(" ")
}

#[test]
fn public_modules_expose_functions_under_their_names() {
    let tree = Tree::new(&[
        ("r/lib/__init__.py", "from ._a import f as g\nfrom .sub import *\nfrom os import path, getcwd"),
        ("r/lib/_a.py", "def f(x): pass\ndef left_alone(): pass"),
        (
            "r/lib/sub/__init__.py",
            "__all__ = ['one'] + _more.__all__\nfrom . import _more\nfrom ._more import *\n\
             def one(): pass\ndef two(): pass",
        ),
        ("r/lib/sub/_more.py", "__all__ = ['three', 'four']\ndef three(): pass\nfour = make()"),
        ("r/lib/tests/test_x.py", "def test_x(): pass"),
        (
            "r/lib/plain.py",
            "from ._a import f\nimport sys\ndef own(): pass\ndef _hidden(): pass\nif sys: \n    def perhaps(): pass",
        ),
    ]);
    let (plugins, report) = tree.all(exposed("lib"));
    assert_eq!(names(&plugins), ["g", "one", "plain.own", "three"]);
    assert_eq!(plugins[0].exports, ["lib.g"]);
    assert_eq!((plugins[0].qualname.as_deref(), plugins[0].line), (Some("f"), 1));
    assert_eq!(plugins[1].exports, ["lib.one", "lib.sub.one"]);
    let dynamic: Vec<&str> = report.dynamic.iter().map(|row| row.message.as_str()).collect();
    assert_eq!(
        dynamic,
        [
            "lib.four: calls make()",
            "lib.plain.perhaps: is bound under a condition",
            "lib.sub.four: calls make()"
        ]
    );
}

#[test]
fn a_stub_that_is_attached_is_where_names_come_from() {
    let attach =
        "import lazy_loader as lazy\n__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)";
    let files = [
        ("r/lib/__init__.py", attach),
        ("r/lib/__init__.pyi", "from ._a import f, K\nfrom . import sub\nfrom os import getcwd"),
        ("r/lib/_a.py", "def f(x): pass\nclass K: pass"),
        ("r/lib/sub.py", "from lib import f as h\n__all__ = ['h']"),
    ];
    let tree = Tree::new(&files);
    let (plugins, report) = tree.all(exposed("lib"));
    assert_eq!(names(&plugins), ["f", "sub.h"]);
    assert_eq!(report.dynamic, []);
    // The base of a rule is found through it, too.
    let found = tree.plugins(finder(&["base=lib:K"]));
    assert_eq!(names(&found), [] as [&str; 0]);
    std::fs::remove_file(tree.directory.path().join("r/lib/__init__.pyi")).unwrap();
    let (plugins, report) = tree.all(exposed("lib"));
    assert_eq!(names(&plugins), [] as [&str; 0]);
    assert!(report.dynamic.iter().any(|row| row.message.starts_with("lib.*: ")), "{:?}", report.dynamic);
}

#[test]
fn names_that_are_attached_are_found_where_they_are() {
    let tree = Tree::new(&[
        (
            "r/lib/__init__.py",
            "import lazy_loader\n__getattr__, __dir__, __all__ = lazy_loader.attach(\n\
             __name__, submodules={'sub'}, submod_attrs={'_a': ['f', 'K'], 'sub': ['g']},\n)",
        ),
        ("r/lib/_a.py", "def f(x): pass\nclass K: pass"),
        ("r/lib/sub.py", "def g(): pass"),
    ]);
    let (plugins, report) = tree.all(exposed("lib"));
    assert_eq!(names(&plugins), ["f", "g"]);
    assert_eq!(plugins[1].exports, ["lib.g", "lib.sub.g"]);
    assert_eq!(report.dynamic, []);
}

/// As scipy.ndimage does it since 1.15: functions are taken over, then perhaps wrapped by computed names.
#[test]
fn names_that_may_be_overwritten_are_doubts() {
    let tree = Tree::new(&[
        (
            "r/lib/nd/__init__.py",
            "from ._wrap import *\nfrom . import _wrap\n__all__ = _wrap.__all__\ndel _wrap",
        ),
        (
            "r/lib/nd/_wrap.py",
            "from ._bare import *\nfrom . import _bare\n__all__ = _bare.__all__\nfor name in __all__:\n    \
             vars()[name] = wrap(getattr(_bare, name))",
        ),
        ("r/lib/nd/_bare.py", "from .._core import *\n__all__ = [s for s in dir() if not s.startswith('_')]"),
        ("r/lib/_core.py", "__all__ = ['blur']\ndef blur(x): pass\ndef other(): pass"),
    ]);
    let plugins = tree.plugins(exposed("lib.nd"));
    assert_eq!(names(&plugins), ["blur"]);
    assert_eq!(plugins[0].module.as_deref(), Some("lib._core"));
    let doubts = ["lib/nd/_wrap.py:5 assigns a computed name, which may be this one"];
    assert_eq!(plugins[0].signature_doubts, doubts);
    // Its users were told to import it.
    assert_eq!(names(&tree.plugins(exposed("lib._core"))), ["blur"]);
}

#[test]
fn what_changes_a_function_is_a_doubt() {
    let tree = Tree::new(&[(
        "r/a.py",
        "import functools\nfrom x import deco\n@functools.lru_cache(None)\ndef kept(): pass\n@deco(1)\n\
         def changed(): pass\n\
         def said(): pass\nsaid.__doc__ = kept.__doc__",
    )]);
    let plugins =
        tree.plugins(PythonFinder { packages: vec![PackageSpec::recursive("a")], ..finder(&["function"]) });
    let doubts: Vec<_> =
        plugins.iter().map(|one| (one.name.as_str(), one.signature_doubts.join(" "))).collect();
    assert_eq!(
        doubts,
        [
            ("changed", "decorated by deco, which may change parameters and docstring".to_owned()),
            ("kept", String::new()),
            ("said", "its __doc__ is assigned while the module runs".to_owned()),
        ]
    );
}

#[test]
fn definitions_have_constructors_and_methods() {
    let tree = Tree::new(&[
        (
            "r/a.py",
            "from dataclasses import dataclass as dc, field\nimport dataclasses\nfrom b import Far\nimport gone\n\
             @dc\nclass P(Far):\n    x: int = 1  # how many\n\
             \x20   y: list = field(default_factory=list, kw_only=True)\n    \
             'said of y'\n    z: int = field(init=False)\n    def go(self, a=2): pass\n\
             @dataclasses.dataclass(init=False)\nclass Q(P):\n    pass\n\
             class R(Q):\n    def __init__(self, own): pass\nclass S(gone.X): pass\ndef f(a): pass",
        ),
        (
            "r/b.py",
            "import dataclasses\nclass Mixin:\n    no: int\n@dataclasses.dataclass\nclass Far(Mixin):\n    far: str",
        ),
    ]);
    let finder = PythonFinder { packages: vec![PackageSpec::recursive("a")], ..finder(&["definition"]) };
    let plugins = tree.plugins(finder);
    assert_eq!(names(&plugins), ["a:P", "a:Q", "a:R", "a:S", "a:f"]);
    let [point, silent, own, far, plain] = &*plugins else { unreachable!() };
    assert_eq!(told(point.signature.as_ref()), "far x=1 *y=field(default_factory=list, kw_only=True)");
    let parameters = &point.signature.as_ref().unwrap().parameters;
    assert_eq!(parameters[1].doc.as_deref(), Some("how many"));
    assert_eq!(
        (parameters[2].doc.as_deref(), &parameters[2].default),
        (Some("said of y"), &Some(Value::List(vec![])))
    );
    assert_eq!(point.methods.iter().map(|method| method.name.as_str()).collect::<Vec<_>>(), ["go"]);
    // Its own is not made: it inherits that of its base.
    assert_eq!(told(silent.signature.as_ref()), told(point.signature.as_ref()));
    assert_eq!(told(own.signature.as_ref()), "own");
    assert_eq!((far.signature.as_ref(), far.signature_doubts.len()), (None, 1));
    assert_eq!(told(plain.signature.as_ref()), "a");
    assert!([point, silent, own].iter().all(|one| one.signature_doubts.is_empty()), "{plugins:#?}");
}

/// What is told of each definition of a module `a`: parameters, whether each default is known, and doubts.
fn definitions(source: &str) -> Vec<(String, Vec<bool>, bool)> {
    let tree = Tree::new(&[("r/a.py", source)]);
    let finder = PythonFinder { packages: vec![PackageSpec::recursive("a")], ..finder(&["definition"]) };
    let row = |plugin: &Plugin| {
        let parameters = plugin.signature.iter().flat_map(|signature| &signature.parameters);
        let known = parameters.map(|one| one.default.is_some()).collect();
        (plugin.name.clone(), known, !plugin.signature_doubts.is_empty())
    };
    tree.plugins(finder).iter().map(row).collect()
}

#[test]
fn attributes_of_classes_are_no_certain_defaults() {
    // `Mode.FAST` was told as 'fast', which is a member; `K.V` as what it was before it was assigned anew.
    let told = definitions(
        "from dataclasses import dataclass, field\nfrom enum import Enum\n\
         class Mode(Enum):\n    FAST = 'fast'\nclass K:\n    V = 5\nK.V = 6\nALIAS = Mode.FAST\nN = 1\n\
         def f(a=Mode.FAST, b=K.V, c=ALIAS, d=(K.V,), e=N): pass\n\
         @dataclass\nclass D:\n    a: Mode = Mode.FAST\n    b: int = field(default=K.V)\n    c: int = N",
    );
    let known = |name: &str| &told.iter().find(|row| row.0 == name).unwrap().1;
    assert_eq!(known("a:f"), &[false, false, false, false, true]);
    assert_eq!(known("a:D"), &[false, false, true]);
}

#[test]
fn what_is_defined_in_branches_is_doubted() {
    // The first branch was told with no doubt.
    let told = definitions(
        "import sys\nif sys.version_info >= (3, 20):\n    def c(x, new=True): pass\nelse:\n    def c(x): pass\n\
         try:\n    from gone import t\nexcept ImportError:\n    def t(x): pass\n\
         match sys.platform:\n    case 'a':\n        def m(x): pass\n    case _:\n        def m(y): pass\n\
         if sys.flags:\n    def one(x): pass\n\
         def later(x): pass\nif sys.flags:\n    later = print\n\
         def twice(x): pass\ndel twice\ndef twice(x, y): pass\ndef plain(x): pass",
    );
    let doubted: Vec<(&str, bool)> = told.iter().map(|row| (row.0.as_str(), row.2)).collect();
    assert_eq!(
        doubted,
        [
            ("a:c", true),
            ("a:later", true),
            ("a:m", true),
            ("a:one", true),
            ("a:plain", false),
            ("a:t", true),
            ("a:twice", false)
        ]
    );
}

#[test]
fn what_changes_a_constructor_elsewhere_is_doubted() {
    let told = definitions(
        "from dataclasses import dataclass\n\
         class Meta(type):\n    def __call__(cls, z): pass\nclass A(metaclass=Meta): pass\n\
         class B(A):\n    def __init__(self, b): pass\n\
         class C:\n    def __new__(cls, q): pass\nclass D(C):\n    def __init__(self, d): pass\n\
         class E:\n    def __init__(self, e): pass\ndef init(self): pass\nE.__init__ = init\n\
         class F(E): pass\n\
         @dataclass\nclass G:\n    a: int = 1\n    a = 2\n\
         @dataclass\nclass H:\n    a: int = 1\n    b: int = 2\nH.extra = 1",
    );
    let certain: Vec<&str> = told.iter().filter(|row| !row.2).map(|row| row.0.as_str()).collect();
    assert_eq!(certain, ["a:H", "a:init"]);
}

#[test]
fn methods_that_are_bound_anew_are_doubted() {
    let tree = Tree::new(&[(
        "r/a.py",
        "import sys\nclass A:\n    def m(self, a=1): pass\n    m = staticmethod(print)\n    def n(self): pass\n    \
         def o(self): pass\n    if sys.flags:\n        def p(self): pass\n    def q(self): pass\n\
         A.n = print\nsetattr(A, 'q', print)\n\
         class B(A):\n    o = print\n    def r(self): pass",
    )]);
    let finder = PythonFinder { packages: vec![PackageSpec::recursive("a")], ..finder(&["definition"]) };
    let plugins = tree.plugins(finder);
    let certain = |plugin: &Plugin| -> Vec<String> {
        let methods = plugin.methods.iter().filter(|method| method.doubts.is_empty());
        methods.map(|method| method.name.clone()).collect()
    };
    assert_eq!(plugins.iter().map(certain).collect::<Vec<_>>(), [vec!["o"], vec!["r"]]);
}
