//! What one Python file says about itself: a pure function of its bytes.
//!
//! Facts come in two parts, encoded apart. [`Structure`] is what linking needs: which names a module
//! binds, to what, and how its classes are headed. [`Details`] is what only a reader of one plugin needs:
//! docstrings and the source of literals. Linking thousands of modules never touches the details.
//!
//! Nothing here is resolved across files; an expression that names something from elsewhere stays an
//! [`Expr`] until it is linked.

use serde::{Deserialize, Serialize};

/// Index of a class in [`Structure::classes`], the same in [`Details::classes`].
pub type ClassId = u32;
/// Index of a function in [`Structure::functions`], the same in [`Details::functions`].
pub type FunctionId = u32;

/// The names a module binds and the heads of its classes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Structure {
    /// Module-level bindings in source order; a name may be bound several times.
    pub bindings: Vec<Binding>,
    /// Every class that is reachable as an attribute: module-level and nested in classes, in source order.
    /// Classes inside functions are absent: they exist only while code runs.
    pub classes: Vec<Class>,
    /// Module-level functions, in source order.
    pub functions: Vec<Function>,
    /// `__all__`, where the module assigns one.
    pub all: Option<All>,
    /// Places whose outcome cannot be known without running the module.
    pub dynamic: Vec<Dynamic>,
    /// Names that it does not bind are looked up in the stub beside it, as `lazy_loader.attach_stub` does.
    pub has_stub: bool,
}

/// One name bound in a module's or a class's scope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    /// The bound name; empty for a star import.
    pub name: String,
    /// What it is bound to.
    pub bound: Bound,
    /// Inside `if`, `try`, `for`, `while`, `with` or `match`: it may or may not happen, and does not
    /// hide what was bound before.
    pub conditional: bool,
    /// One-based line.
    pub line: u32,
}

/// What a name is bound to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Bound {
    /// A class statement.
    Class(ClassId),
    /// A function statement at module level.
    Function(FunctionId),
    /// A method or other function statement in a class scope.
    Method,
    /// `import a.b` (binds `a`, module `a`) or `import a.b as c` (binds `c`, module `a.b`).
    /// `loads` is the full dotted name that is imported: `a.b` in both.
    Module {
        /// The dotted module the name stands for.
        module: String,
        /// The dotted module that is imported on the way.
        loads: String,
    },
    /// `from module import name [as bound]`.
    From {
        /// Where from.
        module: ModuleRef,
        /// The imported name.
        name: String,
    },
    /// `from module import *`.
    Star(ModuleRef),
    /// An assignment whose value is an expression that needs linking, or is dynamic.
    Value(Expr),
    /// An assignment whose value is kept as its source, in the details, under the same position in the
    /// same scope: a literal that names nothing (`("a" "b", -1)`), or a display in square or curly brackets
    /// whatever it names (`[{'count': int}, A, *B]`). Displays can be long and few are ever asked for, so
    /// they are parsed on access: fold them with `literals::fold_text`.
    Literal,
    /// A bare annotation, `name: int`, which binds nothing but declares a field.
    Declared,
    /// `del name`.
    Deleted,
}

/// The module that a `from` names: `level` leading dots, then a dotted name that may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ModuleRef {
    /// Leading dots; 0 is absolute.
    pub level: u32,
    /// Dotted name after the dots.
    pub name: String,
}

/// The head of a class, and the names its body binds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Class {
    /// `Inner`.
    pub name: String,
    /// The class around it, if nested.
    pub parent: Option<ClassId>,
    /// One-based line of the `class` keyword.
    pub line: u32,
    /// Positional bases in order. Subscripts are kept: `Generic[T]`.
    pub bases: Vec<Expr>,
    /// `metaclass=…`, if given.
    pub metaclass: Option<Expr>,
    /// Decorators, outermost first.
    pub decorators: Vec<Expr>,
    /// What the body binds, in source order.
    pub members: Vec<Binding>,
    /// Names of methods decorated as abstract (`abstractmethod`, `abc.abstractproperty`, …).
    pub abstract_methods: Vec<String>,
    /// Attributes that the module assigns or deletes from outside of the body: `m` of `C.m = f`. Empty text stands for
    /// one whose name is computed.
    pub assigned: Vec<String>,
}

/// The head of a function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// One-based line of the `def` keyword.
    pub line: u32,
    /// Decorators, outermost first.
    pub decorators: Vec<Expr>,
    /// `async def`.
    pub is_async: bool,
    /// Attributes that the module assigns and that change what is told of it: `__doc__`, `__signature__` …
    pub assigned: Vec<String>,
}

/// `__all__`: its literal names, and the modules whose `__all__` it adds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct All {
    /// Names listed literally.
    pub names: Vec<String>,
    /// `__all__ += module.__all__`: the dotted expressions before `.__all__`.
    pub from: Vec<Expr>,
    /// Part of it is computed; a star import then also takes every public name.
    pub dynamic: bool,
}

/// Something that cannot be known without running the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dynamic {
    /// What it concerns: an attribute's or class's name, `__path__`, `__getattr__`, …
    pub name: String,
    /// One-based line.
    pub line: u32,
    /// One-based column, in characters.
    pub column: u32,
    /// Why, for a person: `calls make_class()`.
    pub reason: String,
}

/// The part of a file's facts that only a reader of single plugins needs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Details {
    /// The module's docstring.
    pub doc: Option<String>,
    /// Source text of kept module-level values: (position in [`Structure::bindings`], text).
    pub literals: Vec<(u32, String)>,
    /// A row a class.
    pub classes: Vec<ClassDetails>,
    /// A row a function.
    pub functions: Vec<FunctionDetails>,
}

/// Docstring, fields and literals of one class.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassDetails {
    /// Docstring, cleaned as `inspect.cleandoc` does.
    pub doc: Option<String>,
    /// Source text of kept values: (position in [`Class::members`], text).
    pub literals: Vec<(u32, String)>,
    /// Annotated names of the body in order, as dataclasses read them: name, annotation text, default.
    pub fields: Vec<Parameter>,
    /// Its methods in source order, where they are wanted; a name may be defined several times.
    pub methods: Vec<Method>,
}

/// A function in the body of a class.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Method {
    /// Its name.
    pub name: String,
    /// One-based line of the `def` keyword.
    pub line: u32,
    /// Source text of its decorators, outermost first.
    pub decorators: Vec<String>,
    /// `async def`.
    pub is_async: bool,
    /// Its docstring and signature.
    pub details: FunctionDetails,
}

/// Docstring and signature of one function.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FunctionDetails {
    /// Docstring, cleaned as `inspect.cleandoc` does.
    pub doc: Option<String>,
    /// Parameters in order.
    pub parameters: Vec<Parameter>,
    /// Source text of the return annotation.
    pub returns: Option<String>,
}

/// A parameter of a function, or a field of a dataclass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name, without stars.
    pub name: String,
    /// How it is passed.
    pub kind: ParameterKind,
    /// Source text of the annotation.
    pub annotation: Option<String>,
    /// Source text of the default; whether it is a literal is found by folding it.
    pub default: Option<String>,
    /// What is said of a field where it stands, where that is wanted: the string behind it, else the comment.
    pub doc: Option<String>,
}

/// As `inspect.Parameter.kind` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterKind {
    /// Before `/`.
    PositionalOnly,
    /// The usual kind.
    PositionalOrKeyword,
    /// `*args`.
    VarPositional,
    /// After `*`.
    KeywordOnly,
    /// `**kwargs`.
    VarKeyword,
    /// Not a parameter: a field of a class.
    Field,
}

/// An expression as far as it matters here. Folding turns it into a [`Value`](crate::value::Value) or
/// says why it cannot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Expr {
    /// Source text of a literal that names nothing.
    Literal(String),
    /// A string that is already known, e.g. the constant part of an f-string.
    Str(String),
    /// A name.
    Name(String),
    /// `object.attribute`.
    Attribute(Box<Expr>, String),
    /// `object[index]`.
    Subscript(Box<Expr>, Box<Expr>),
    /// `left op right`.
    Binary(Operator, Box<Expr>, Box<Expr>),
    /// `-x`, `+x`, `~x`, `not x`.
    Unary(UnaryOperator, Box<Expr>),
    /// The parts of an f-string.
    Format(Vec<FormatPart>),
    /// `(a, b)`.
    Tuple(Vec<Expr>),
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `{a, b}`.
    Set(Vec<Expr>),
    /// `{k: v, **m}`: a missing key is a `**` entry.
    Dict(Vec<(Option<Expr>, Expr)>),
    /// `*x` in a container or among bases.
    Starred(Box<Expr>),
    /// A call.
    Call(Box<Call>),
    /// Anything else: comprehensions, lambdas, conditional expressions, …
    Dynamic {
        /// Why, for a person.
        reason: String,
        /// One-based line.
        line: u32,
    },
}

/// A call, kept for decorators, `re.compile(…)`, `str.format` and for naming what a dynamic value calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// What is called.
    pub function: Expr,
    /// Positional arguments.
    pub arguments: Vec<Expr>,
    /// Keyword arguments; a missing name is `**mapping`.
    pub keywords: Vec<(Option<String>, Expr)>,
    /// One-based line.
    pub line: u32,
}

/// A piece of an f-string.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FormatPart {
    /// Constant text.
    Text(String),
    /// `{value!r:spec}`.
    Field {
        /// The expression.
        value: Expr,
        /// `r`, `s`, `a`, or none.
        conversion: Option<char>,
        /// The parts of the format specification.
        spec: Vec<FormatPart>,
    },
}

/// Binary operators that fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mult,
    /// `/`
    Div,
    /// `//`
    FloorDiv,
    /// `%`
    Mod,
    /// `**`
    Pow,
    /// `<<`
    LShift,
    /// `>>`
    RShift,
    /// `|`
    BitOr,
    /// `&`
    BitAnd,
    /// `^`
    BitXor,
}

/// Unary operators that fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnaryOperator {
    /// `-`
    Minus,
    /// `+`
    Plus,
    /// `~`
    Invert,
    /// `not`
    Not,
}
