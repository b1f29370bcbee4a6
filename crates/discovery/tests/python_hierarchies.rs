//! Small trees of tricky modules: what is found without running them, against what Python itself says.
//!
//! Each case is a tree whose `base.py` has the class `Base`. The interpreter imports every module and
//! collects the subclasses that their own module still leads to by name. Without `python3` on the machine
//! the cases are only compared with what they say themselves.

use std::{collections::BTreeSet, fs, path::Path, process::Command, sync::Arc};

use plugcache_discovery::{index::Session, plugin::Plugin, python::finder::PythonFinder};
use tempfile::TempDir;

const BASE: &str = "class Base: pass\nclass Other: pass\n";

/// Prints `module:qualname` of each subclass of `base.Base` that can be reached by its name.
const ASK: &str = r"
import sys, importlib, gc, operator
sys.path[:0] = sys.argv[2].split(':')
for name in sys.argv[3].split(','):
    try:
        importlib.import_module(name)
    except Exception as error:
        print('!', name, error, file=sys.stderr)
gc.collect()
import base
def below(cls, seen):
    for sub in cls.__subclasses__():
        if sub not in seen:
            seen.add(sub)
            below(sub, seen)
    return seen
for cls in below(base.Base, set()):
    module = sys.modules[cls.__module__]
    values = list(vars(module).values())
    try:
        reached = operator.attrgetter(cls.__qualname__)(module) is cls
    except AttributeError:
        reached = any(value is cls for value in values)
    if reached:
        print(f'{cls.__module__}:{cls.__qualname__}')
";

struct Case {
    name: &'static str,
    /// Path (first part is the root) and text.
    files: &'static [(&'static str, &'static str)],
    found: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        name: "plain",
        files: &[("r/a.py", "from base import Base\nclass A(Base): pass\nclass N: pass")],
        found: &["a:A"],
    },
    Case { name: "dotted", files: &[("r/a.py", "import base\nclass A(base.Base): pass")], found: &["a:A"] },
    Case {
        name: "import as",
        files: &[(
            "r/a.py",
            "import base as b\nfrom base import Base as X\nclass A(b.Base): pass\nclass C(X): pass",
        )],
        found: &["a:A", "a:C"],
    },
    Case {
        name: "transitive",
        files: &[
            ("r/a.py", "import base\nclass A(base.Base): pass"),
            ("r/b.py", "from a import A\nclass B(A): pass"),
        ],
        found: &["a:A", "b:B"],
    },
    Case {
        name: "alias",
        files: &[("r/a.py", "import base\nB = base.Base\nC = B\nclass A(C): pass")],
        found: &["a:A"],
    },
    Case {
        name: "star",
        files: &[
            ("r/s.py", "from base import Base\n_P = Base"),
            ("r/a.py", "from s import *\nclass A(Base): pass"),
        ],
        found: &["a:A"],
    },
    Case {
        name: "star with all",
        files: &[
            ("r/s.py", "from base import Base, Other\n_P = Base\n__all__ = ['_P']"),
            (
                "r/a.py",
                "from base import Other as Base\nfrom s import *\nclass A(_P): pass\nclass B(Base): pass",
            ),
        ],
        found: &["a:A"],
    },
    Case {
        name: "star of star",
        files: &[
            ("r/s.py", "from base import *"),
            ("r/t.py", "from s import *"),
            ("r/a.py", "from t import *\nclass A(Base): pass"),
        ],
        found: &["a:A"],
    },
    Case {
        name: "all of another",
        files: &[
            ("r/s.py", "from base import Base as _X\n__all__ = ['_X']"),
            ("r/t.py", "import s\nfrom s import *\n__all__ = []\n__all__ += s.__all__"),
            ("r/a.py", "from t import *\nclass A(_X): pass"),
        ],
        found: &["a:A"],
    },
    Case {
        name: "relative",
        files: &[
            ("r/p/__init__.py", ""),
            ("r/p/m.py", "from base import Base\nclass M(Base): pass"),
            ("r/p/q/__init__.py", "from ..m import M"),
            ("r/p/q/n.py", "from . import M\nfrom .. import m\nclass N(M): pass\nclass O(m.M): pass"),
        ],
        found: &["p.m:M", "p.q.n:N", "p.q.n:O"],
    },
    Case {
        name: "re-export",
        files: &[
            ("r/p/__init__.py", "from .core import Core as Public"),
            ("r/p/core.py", "from base import Base\nclass Core(Base): pass"),
            ("r/a.py", "import p\nclass A(p.Public): pass"),
        ],
        found: &["p.core:Core", "a:A"],
    },
    Case {
        name: "submodule attribute",
        files: &[
            ("r/p/__init__.py", ""),
            ("r/p/core.py", "import base\nclass Core(base.Base): pass"),
            ("r/a.py", "import p.core\nclass A(p.core.Core): pass"),
        ],
        found: &["p.core:Core", "a:A"],
    },
    Case {
        name: "package name hides submodule",
        files: &[
            ("r/p/__init__.py", "from .core import core"),
            ("r/p/core.py", "import base\nclass core(base.Base): pass"),
            ("r/a.py", "from p import core\nclass A(core): pass"),
        ],
        found: &["p.core:core", "a:A"],
    },
    Case {
        name: "namespace over two roots",
        files: &[
            ("r/n/a.py", "from base import Base\nclass A(Base): pass"),
            ("s/n/b.py", "from n.a import A\nclass B(A): pass"),
        ],
        found: &["n.a:A", "n.b:B"],
    },
    Case {
        name: "shadowed module",
        files: &[
            ("r/m.py", "import base\nclass M(base.Base): pass"),
            ("s/m.py", "import base\nclass Hidden(base.Base): pass"),
            ("s/a.py", "from m import M\nclass A(M): pass"),
        ],
        found: &["m:M", "a:A"],
    },
    Case {
        name: "package hides module and namespace",
        files: &[
            ("r/m/x.py", "import base\nclass Lost(base.Base): pass"),
            ("s/m/__init__.py", "import base\nclass M(base.Base): pass"),
            ("s/m.py", "import base\nclass Hidden(base.Base): pass"),
        ],
        found: &["m:M"],
    },
    Case {
        name: "nested",
        files: &[(
            "r/a.py",
            "import base\nclass O:\n    B = base.Base\n    class I(base.Base): pass\n    class J(B): pass\n    class K(I): pass\nclass A(O.I): pass\nclass P(O): pass\nclass Q(P.I): pass",
        )],
        found: &["a:O.I", "a:O.J", "a:O.K", "a:A", "a:Q"],
    },
    Case {
        name: "import fallback",
        files: &[(
            "r/a.py",
            "try:\n    from nowhere_at_all import Base\nexcept ImportError:\n    from base import Base\nclass A(Base): pass",
        )],
        found: &["a:A"],
    },
    Case {
        name: "missing name falls back",
        files: &[(
            "r/a.py",
            "try:\n    from base import Nothing as B\nexcept ImportError:\n    from base import Base as B\nclass A(B): pass",
        )],
        found: &["a:A"],
    },
    Case {
        name: "class in a branch",
        files: &[(
            "r/a.py",
            "import sys, base\nif sys:\n    class A(base.Base): pass\nfor _ in range(1):\n    class B(base.Base): pass",
        )],
        found: &["a:A", "a:B"],
    },
    Case {
        name: "redefined base",
        files: &[(
            "r/a.py",
            "from base import Base, Other\nclass A(Base): pass\nBase = Other\nclass B(Base): pass",
        )],
        found: &["a:A"],
    },
    Case {
        name: "redefined class",
        files: &[("r/a.py", "from base import Base, Other\nclass A(Base): pass\nclass A(Other): pass")],
        found: &[],
    },
    Case {
        name: "class of its own name",
        files: &[("r/a.py", "from base import Base\nclass Base(Base): pass\nclass Base(Base): pass")],
        found: &["a:Base"],
    },
    Case {
        name: "diamond",
        files: &[(
            "r/a.py",
            "from base import Base\nclass L(Base): pass\nclass R(Base): pass\nclass D(L, R): pass\nclass E(D, Base): pass",
        )],
        found: &["a:L", "a:R", "a:D", "a:E"],
    },
    Case {
        name: "generics",
        files: &[(
            "r/a.py",
            "from typing import Generic, TypeVar\nfrom base import Base\nT = TypeVar('T')\nclass G(Base, Generic[T]): pass\nclass H(G[int]): pass\nI = G[str]\nclass J(I): pass",
        )],
        found: &["a:G", "a:H", "a:J"],
    },
    Case {
        name: "import cycle",
        files: &[
            ("r/a.py", "from base import Base\nclass A(Base): pass\nimport b\nclass C(b.B): pass"),
            ("r/b.py", "import a\nclass B(a.A): pass"),
        ],
        found: &["a:A", "a:C", "b:B"],
    },
    Case {
        name: "deleted",
        files: &[(
            "r/a.py",
            "from base import Base\nclass A(Base): pass\ndel A\nclass B(Base): pass\nC = B\ndel B\ndel Base",
        )],
        found: &["a:B"],
    },
    Case {
        name: "from a deleted name",
        files: &[("r/a.py", "from base import Base\nX = Base\ndel Base\nclass A(X): pass")],
        found: &["a:A"],
    },
    Case {
        name: "later binding does not count",
        files: &[(
            "r/a.py",
            "from base import Other as B\nclass A(B): pass\nfrom base import Base as B\nclass C(B): pass",
        )],
        found: &["a:C"],
    },
    Case {
        name: "others see the last binding",
        files: &[
            ("r/m.py", "from base import Other as B\nfrom base import Base as B"),
            ("r/a.py", "from m import B\nclass A(B): pass"),
        ],
        found: &["a:A"],
    },
    Case {
        name: "class scope does not nest",
        files: &[(
            "r/a.py",
            "from base import Base, Other\nX = Other\nclass O:\n    X = Base\n    class I:\n        class J(X): pass\n    class K(X): pass",
        )],
        found: &["a:O.K"],
    },
    Case {
        name: "self in cycle",
        files: &[
            ("r/p/__init__.py", "from . import m\nfrom .m import *"),
            ("r/p/m.py", "from base import Base\nfrom . import n\nclass M(Base): pass\nclass N(n.N0): pass"),
            ("r/p/n.py", "from base import Base\nclass N0(Base): pass"),
        ],
        found: &["p.m:M", "p.m:N", "p.n:N0"],
    },
    Case {
        name: "builtin names",
        files: &[(
            "r/a.py",
            "from base import Base\nclass E(Exception): pass\nclass F(E, Base): pass\nclass object(Base): pass\nclass G(object): pass",
        )],
        found: &["a:F", "a:object", "a:G"],
    },
    Case {
        name: "stub next to package",
        files: &[("r/foo-bar/x.py", "from base import Base\nclass X(Base): pass")],
        found: &["foo-bar.x:X"],
    },
];

struct Tree {
    directory: TempDir,
}

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self { directory: tempfile::tempdir().unwrap() };
        tree.write("r/base.py", BASE);
        fs::create_dir_all(tree.directory.path().join("s")).unwrap();
        files.iter().for_each(|(path, text)| tree.write(path, text));
        tree
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{text}\n")).unwrap();
    }

    fn plugins(&self, finder: PythonFinder) -> Vec<Plugin> {
        let roots = vec![self.directory.path().join("r"), self.directory.path().join("s")];
        let session = Session::new(Arc::new(finder), roots);
        let (_, plugins) = session.list(|snapshot| {
            let mut describe = snapshot.describer();
            let all = snapshot.all();
            let many: Vec<Plugin> = all.iter().map(&mut describe).collect();
            let single: Vec<Plugin> = all.iter().map(|one| snapshot.describe(one)).collect();
            assert_eq!(many, single, "one by one and together");
            many
        });
        plugins
    }

    /// What the interpreter says; `None` without one.
    fn run(&self, modules: &str) -> Option<BTreeSet<String>> {
        let root = |name| self.directory.path().join(name).display().to_string();
        let roots = format!("{}:{}", root("r"), root("s"));
        let mut command = Command::new("python3");
        command.args(["-B", "-c", ASK, "-", &roots, modules]);
        let output = command.output().ok()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }
}

fn finder(rules: &[&str]) -> PythonFinder {
    PythonFinder {
        rules: rules.iter().map(|rule| rule.parse().unwrap()).collect(),
        ..PythonFinder::default()
    }
}

fn qualified(plugin: &Plugin) -> String {
    format!(
        "{}:{}",
        plugin.module.as_deref().unwrap_or_default(),
        plugin.qualname.as_deref().unwrap_or_default()
    )
}

fn module(path: &str) -> String {
    let path = Path::new(path).with_extension("");
    let path = path.to_str().unwrap().split_once('/').unwrap().1.replace('/', ".");
    path.strip_suffix(".__init__").map(str::to_owned).unwrap_or(path)
}

#[test]
fn subclasses_are_those_that_python_has() {
    let mut wrong = Vec::new();
    for case in CASES {
        let tree = Tree::new(case.files);
        let found: BTreeSet<String> =
            tree.plugins(finder(&["base=base:Base"])).iter().map(qualified).collect();
        let expected: BTreeSet<String> = case.found.iter().map(|&name| name.to_owned()).collect();
        if found != expected {
            wrong.push(format!("{}: found {found:?}, expected {expected:?}", case.name));
        }
        let modules: Vec<String> = case.files.iter().map(|(path, _)| module(path)).collect();
        if let Some(real) = tree.run(&modules.join(","))
            && real != expected
        {
            wrong.push(format!("{}: Python has {real:?}, expected {expected:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(CASES.len() >= 25);
}
