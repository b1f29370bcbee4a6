//! What facts say of each construct. The skimmer and the full parse are held to the same answers.

use super::{Options, Syntax, extract};
use crate::python::facts::{All, Binding, Bound, Details, Expr, ModuleRef, Operator, Structure};

fn facts(source: &str) -> (Structure, Details) {
    let read = |syntax| {
        extract(source.as_bytes(), &Options { syntax, functions: true, methods: true }).expect("reads")
    };
    let full = read(Syntax::Full);
    assert_eq!(full, read(Syntax::Skim));
    full
}

/// Each binding in short: `name`, `?` if conditional, and what it is bound to.
fn shown(bindings: &[Binding]) -> Vec<String> {
    let bound = |bound: &Bound| match bound {
        Bound::Class(id) => format!("class {id}"),
        Bound::Function(id) => format!("function {id}"),
        Bound::Method => "method".to_owned(),
        Bound::Module { module, loads } => format!("module {module} ({loads})"),
        Bound::From { module, name } => {
            format!("{}{}:{name}", ".".repeat(module.level as usize), module.name)
        }
        Bound::Star(ModuleRef { level, name }) => format!("{}{name}:*", ".".repeat(*level as usize)),
        Bound::Value(Expr::Dynamic { .. }) => "dynamic".to_owned(),
        Bound::Value(Expr::Name(name)) => format!("value {name}"),
        Bound::Value(_) => "value".to_owned(),
        Bound::Literal => "literal".to_owned(),
        Bound::Declared => "declared".to_owned(),
        Bound::Deleted => "deleted".to_owned(),
    };
    let one = |binding: &Binding| {
        let condition = if binding.conditional { "?" } else { "" };
        format!("{}{condition} {} @{}", binding.name, bound(&binding.bound), binding.line)
    };
    bindings.iter().map(one).collect()
}

fn bindings(source: &str) -> Vec<String> {
    shown(&facts(source).0.bindings)
}

#[test]
fn imports() {
    let source = "import a.b, c as d\nimport e.f as g\nfrom . import h\nfrom ..i.j import k as l, m\nfrom n import *\n\
                  from __future__ import annotations\n";
    assert_eq!(
        bindings(source),
        [
            "a module a (a.b) @1",
            "d module c (c) @1",
            "g module e.f (e.f) @2",
            "h .:h @3",
            "l ..i.j:k @4",
            "m ..i.j:m @4",
            " n:* @5",
        ]
    );
}

#[test]
fn assignments() {
    let source = "a = 1\nb = c = 'x'\nd, (e, f) = 1, (g, [2])\nh, *i = j\nk: int = 2\nl: int\nm = n\na += 1\ndel b, (d,)\n\
                  (o) = (\n  'p'\n  'q'\n)\nr.s = 1\nt = [n, u()]\n";
    assert_eq!(
        bindings(source),
        [
            "a literal @1",
            "b literal @2",
            "c literal @2",
            "d literal @3",
            "e value g @3",
            "f literal @3",
            "h dynamic @4",
            "i dynamic @4",
            "k literal @5",
            "l declared @6",
            "m value n @7",
            "a value @8",
            "b deleted @9",
            "d deleted @9",
            "o literal @10",
            "t literal @15",
        ]
    );
    let (structure, details) = facts(source);
    let literals: Vec<_> = details.literals.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(literals, ["1", "'x'", "'x'", "1", "[2]", "2", "(\n  'p'\n  'q'\n)", "[n, u()]"]);
    let added =
        Expr::Binary(Operator::Add, Box::new(Expr::Name("a".into())), Box::new(Expr::Literal("1".into())));
    assert_eq!(structure.bindings[11].bound, Bound::Value(added));
}

#[test]
fn conditions() {
    let source = "if x:\n  a = 1\nelse:\n  b = 1\ntry:\n  c = 1\nexcept E as d:\n  e = 1\nfinally:\n  f = 1\n\
                  for g, h in i:\n  j = 1\nwhile k:\n  l = 1\nwith m as n:\n  o = 1\nmatch p:\n  case [q, *r] if s:\n    t = 1\n\
                  if (u := 1): pass\nv = [w for w in (y := [])]\n";
    assert_eq!(
        bindings(source),
        [
            "a? literal @2",
            "b? literal @4",
            "c? literal @6",
            "d? dynamic @7",
            "e? literal @8",
            "f literal @10",
            "g? dynamic @11",
            "h? dynamic @11",
            "j? literal @12",
            "l? literal @14",
            "n? dynamic @15",
            "o literal @16",
            "q? dynamic @18",
            "r? dynamic @18",
            "t? literal @19",
            "u? dynamic @20",
            "y? dynamic @21",
            "v value @21",
        ]
        .map(|line| line.replace("v value", "v dynamic"))
    );
}

#[test]
fn branches_that_never_happen() {
    let source = "if TYPE_CHECKING:\n  from a import b\nelse:\n  b = 1\nif typing.TYPE_CHECKING: c = 1\nif 0: d = 1\n\
                  if True: e = 1\nif not TYPE_CHECKING: f = 1\nif sys.version_info >= (3, 9): g = 1\nelse: g = 2\n\
                  if x: h = 1\nelif TYPE_CHECKING: i = 1\nelif 1: j = 1\nelse: k = 1\n";
    assert_eq!(
        bindings(source),
        [
            "b literal @4",
            "e literal @7",
            "f literal @8",
            "g? literal @9",
            "g? literal @10",
            "h? literal @11",
            "j? literal @13",
        ]
    );
}

#[test]
fn classes() {
    let source = "@deco(1)\nclass A(B, Generic[T], *C, metaclass=M, key=1):\n  '''Doc.\n\n    More.\n  '''\n  x = 'y'\n  z: int = 3\n\
                  \x20 w: 'str'\n  def m(self): pass\n  @abc.abstractmethod\n  def n(self): pass\n  class D: pass\n  async def o(self): pass\n\
                  def f():\n  class Never: pass\nclass E[T](A): ...\n";
    let (structure, details) = facts(source);
    let heads: Vec<_> = structure
        .classes
        .iter()
        .map(|one| (one.name.as_str(), one.parent, one.line, one.bases.len()))
        .collect();
    assert_eq!(heads, [("A", None, 2, 3), ("D", Some(0), 13, 0), ("E", None, 17, 1)]);
    let class = &structure.classes[0];
    assert_eq!(class.metaclass, Some(Expr::Name("M".into())));
    assert_eq!(class.decorators.len(), 1);
    assert_eq!(class.abstract_methods, ["n"]);
    assert_eq!(
        shown(&class.members),
        [
            "x literal @7",
            "z literal @8",
            "w declared @9",
            "m method @10",
            "n method @12",
            "D class 1 @13",
            "o method @14",
        ]
    );
    let details = &details.classes[0];
    assert_eq!(details.doc.as_deref(), Some("Doc.\n\nMore."));
    assert_eq!(details.literals, [(0, "'y'".to_owned()), (1, "3".to_owned())]);
    let fields: Vec<_> = details
        .fields
        .iter()
        .map(|field| (field.name.as_str(), field.annotation.as_deref(), field.default.as_deref()))
        .collect();
    assert_eq!(fields, [("z", Some("int"), Some("3")), ("w", Some("'str'"), None)]);
}

#[test]
fn all() {
    let all = |source: &str| facts(source).0.all.unwrap_or_default();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let mod_a = vec![Expr::Attribute(Box::new(Expr::Name("m".into())), "n".into())];
    assert_eq!(all("__all__ = ['a', 'b']\n").names, names(&["a", "b"]));
    assert_eq!(all("__all__: list[str] = ('a',)\n").names, names(&["a"]));
    let source = "__all__ = ['a'] + m.n.__all__\n__all__ += ('b',)\n__all__.extend(['c'])\n__all__.append('d')\n__all__.remove('a')\n";
    assert_eq!(all(source), All { names: names(&["b", "c", "d"]), from: mod_a.clone(), dynamic: false });
    assert_eq!(
        all("__all__ = ['a', *m.n.__all__]\n"),
        All { names: names(&["a"]), from: mod_a, dynamic: false }
    );
    assert!(all("__all__ = [n for n in dir()]\n").dynamic);
    assert!(all("__all__ = ['a']\n__all__.append(x)\n").dynamic);
    assert_eq!(all("__all__ = ['a']\n__all__ = ['b']\n").names, names(&["b"]));
    assert_eq!(all("__all__ = ['a']\nif x:\n  __all__ = ['b']\n").names, names(&["a", "b"]));
}

#[test]
fn dynamic_places() {
    let source = "def __getattr__(name): ...\n__path__ = extend_path(__path__, __name__)\n__path__.append('x')\n\
                  globals()['a'] = 1\nif x:\n  globals().update(b)\nvars()['c'] = 1\nsetattr(sys.modules[__name__], d, 1)\n\
                  sys.modules[__name__] = e\n\u{e9}; exec(f)\nX = type('X', (B,), {})\nsetattr(other, 'x', 1)\nf(globals())\n";
    let places: Vec<_> =
        facts(source).0.dynamic.into_iter().map(|place| (place.name, place.line, place.column)).collect();
    let expected = [
        ("__getattr__", 1, 5),
        ("__path__", 2, 1),
        ("__path__", 3, 1),
        ("globals()", 4, 1),
        ("globals()", 6, 3),
        ("vars()", 7, 1),
        ("setattr", 8, 1),
        ("sys.modules", 9, 1),
        ("exec", 10, 4),
    ];
    assert_eq!(places, expected.map(|(name, line, column)| (name.to_owned(), line, column)));
}

#[test]
fn every_syntax_is_read() {
    let source = "type X[T: int = str] = list[T]\nclass A[T, *U, **V](B[T]): pass\ndef f[T](x: T) -> T: return x\n\
                  y = t'a{b}'\ntry: pass\nexcept A, B: pass\nmatch = 1\ncase = type = _ = 2\nprint(f'{x!r:>{w}} {'a'}')\n\
                  async def g():\n  async with a as b, c: pass\n  return [x async for x in y]\nlambda x, /, *, y=1: 0\nx = *a, *b\n";
    let found = bindings(source);
    assert!(found.starts_with(&["X dynamic @1".to_owned(), "A class 0 @2".into(), "f function 0 @3".into()]));
}

#[test]
fn problems_name_their_place() {
    for (source, line, column) in [
        ("x = 1\ny = (\n", 3, 1),
        ("x = 1\né = = 2\n", 2, 5),
        ("def f():\nx\n", 2, 1),
        ("x = '\n", 1, 5),
        ("  x\n", 1, 1),
    ] {
        let problem = extract(source.as_bytes(), &Options::default()).expect_err("is wrong");
        assert_eq!((problem.line, problem.column), (line, column), "{source:?}: {}", problem.message);
        assert!(problem.file.is_empty());
    }
}

#[test]
fn deep_nesting_is_a_problem_and_never_the_end() {
    let parts = [
        "(",
        "[",
        "{",
        "-",
        "not ",
        "lambda: ",
        "x if y else ",
        "1 + ",
        "a.",
        "f(",
        "{1:",
        "f'{",
        "await ",
        "a ** ",
        "*",
        "~",
        "x[",
        "if x:\n ",
        "a = ",
        "@",
        "yield ",
        "class A(",
        "def f(x=",
        "f'''{f'{",
        "a, ",
        "a and ",
        "a < ",
    ];
    for part in parts {
        for (before, after) in [
            ("", ""),
            ("x = ", "y\n"),
            ("def f():\n  ", "\n"),
            ("class C:\n  x = 1\n  y = ", "1\n"),
            ("'\n", ""),
        ] {
            let source = format!("{before}{}{after}", part.repeat(50_000));
            for syntax in [Syntax::Skim, Syntax::Full] {
                let _ = extract(source.as_bytes(), &Options { syntax, functions: true, methods: true });
            }
        }
    }
    // Just under the limit: the tree is built, converted and dropped on a small stack.
    for part in ["y + ", "-", "not ", "y.", "lambda: ", "y ** ", "y if y else ", "y()."] {
        for times in [4_900, 2_400, 1_200, 900] {
            let source = format!("x = {}y\n", part.repeat(times));
            let read =
                extract(source.as_bytes(), &Options { syntax: Syntax::Full, functions: true, methods: true });
            assert!(read.is_ok() || times > 900, "{part}");
        }
    }
}
