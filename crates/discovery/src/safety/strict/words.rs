//! Names and attributes by themselves, wherever they stand.

/// Builtins that run text as code, read or change attributes by name, or open files.
const BUILTINS: [&str; 21] = [
    "breakpoint",
    "compile",
    "copyright",
    "credits",
    "delattr",
    "dir",
    "eval",
    "exec",
    "exit",
    "getattr",
    "globals",
    "hasattr",
    "help",
    "input",
    "license",
    "locals",
    "memoryview",
    "open",
    "quit",
    "setattr",
    "vars",
];

/// Special names that may be read and, in a class or module, assigned.
const VARIABLES: [&str; 11] = [
    "__all__",
    "__author__",
    "__copyright__",
    "__date__",
    "__debug__",
    "__doc__",
    "__email__",
    "__license__",
    "__name__",
    "__slots__",
    "__version__",
];

/// Special names that may be read.
const READ_ONLY: [&str; 3] = ["__file__", "__package__", "__qualname__"];

/// Special methods that a class may define, and call on others.
const METHODS: [&str; 88] = [
    "__abs__",
    "__add__",
    "__aenter__",
    "__aexit__",
    "__aiter__",
    "__and__",
    "__anext__",
    "__await__",
    "__bool__",
    "__bytes__",
    "__call__",
    "__ceil__",
    "__class_getitem__",
    "__complex__",
    "__contains__",
    "__copy__",
    "__deepcopy__",
    "__delete__",
    "__delitem__",
    "__divmod__",
    "__enter__",
    "__eq__",
    "__exit__",
    "__float__",
    "__floor__",
    "__floordiv__",
    "__format__",
    "__fspath__",
    "__ge__",
    "__get__",
    "__getattr__",
    "__getitem__",
    "__gt__",
    "__hash__",
    "__iadd__",
    "__iand__",
    "__ifloordiv__",
    "__ilshift__",
    "__imatmul__",
    "__imod__",
    "__imul__",
    "__index__",
    "__init__",
    "__init_subclass__",
    "__int__",
    "__invert__",
    "__ior__",
    "__ipow__",
    "__irshift__",
    "__isub__",
    "__iter__",
    "__itruediv__",
    "__ixor__",
    "__le__",
    "__len__",
    "__length_hint__",
    "__lshift__",
    "__lt__",
    "__matmul__",
    "__missing__",
    "__mod__",
    "__mul__",
    "__ne__",
    "__neg__",
    "__new__",
    "__next__",
    "__or__",
    "__pos__",
    "__post_init__",
    "__pow__",
    "__radd__",
    "__repr__",
    "__reversed__",
    "__rmul__",
    "__round__",
    "__rshift__",
    "__rsub__",
    "__rtruediv__",
    "__set__",
    "__set_name__",
    "__setitem__",
    "__str__",
    "__sub__",
    "__truediv__",
    "__trunc__",
    "__xor__",
    "__rfloordiv__",
    "__rmod__",
];

/// Attributes that lead from a generator, a coroutine, a traceback or a function to frames and code.
const FRAMES: [&str; 38] = [
    "ag_await",
    "ag_code",
    "ag_frame",
    "ag_running",
    "co_code",
    "co_consts",
    "co_names",
    "cr_await",
    "cr_code",
    "cr_frame",
    "cr_origin",
    "cr_running",
    "f_back",
    "f_builtins",
    "f_code",
    "f_generator",
    "f_globals",
    "f_lasti",
    "f_lineno",
    "f_locals",
    "f_trace",
    "f_trace_lines",
    "f_trace_opcodes",
    "func_closure",
    "func_code",
    "func_defaults",
    "func_dict",
    "func_globals",
    "gi_code",
    "gi_frame",
    "gi_running",
    "gi_suspended",
    "gi_yieldfrom",
    "im_func",
    "im_self",
    "tb_frame",
    "tb_lasti",
    "tb_next",
];

/// Modules that others may have as attributes.
const MODULES: [&str; 22] = [
    "bltns",
    "builtins",
    "codecs",
    "ctypes",
    "gc",
    "imp",
    "importlib",
    "inspect",
    "marshal",
    "multiprocessing",
    "nt",
    "os",
    "pickle",
    "posix",
    "pty",
    "runpy",
    "shutil",
    "socket",
    "subprocess",
    "sys",
    "sysconfig",
    "types",
];

/// Hooks of `enum` with one underscore on both sides.
const ENUM: [&str; 6] = ["_generate_next_value_", "_ignore_", "_missing_", "_name_", "_order_", "_value_"];

/// `__x__`, as Python itself uses such names: its own have no capital letters.
fn is_special(name: &str) -> bool {
    name.len() > 4
        && name.starts_with("__")
        && name.ends_with("__")
        && !name.contains(|letter: char| letter.is_ascii_uppercase())
}

/// Why an attribute is not allowed.
pub(super) fn attribute(name: &str) -> Option<&'static str> {
    if is_special(name) {
        let known = METHODS.contains(&name) || ["__doc__", "__name__", "__qualname__"].contains(&name);
        return (!known)
            .then_some("special attributes lead out of the plugin; only a few harmless ones are allowed");
    }
    if name.len() > 2 && name.starts_with('_') && name.ends_with('_') && !name.starts_with("__") {
        return (!ENUM.contains(&name)).then_some("it is internal to the standard library");
    }
    if FRAMES.contains(&name) {
        return Some("it leads to frames and code, and from there to everything");
    }
    if MODULES.contains(&name.trim_start_matches('_')) {
        return Some("it is the name of a module that reaches beyond the plugin");
    }
    match name {
        "mro" => Some("it leads to base classes, and from there to everything"),
        "format" | "format_map" => Some(
            "a format string reads attributes; format a string that is written there, or use an f-string",
        ),
        _ => None,
    }
}

/// Functions of the standard library that write what they are given into code, or onto it as attributes. Given a
/// class or function that is written below them they are harmless.
pub(super) const DECORATORS: [&str; 2] = ["dataclass", "wraps"];

/// Why reading a name is not allowed.
pub(super) fn name(name: &str) -> Option<&'static str> {
    if is_special(name) {
        let known = [&VARIABLES[..], &READ_ONLY, &METHODS].iter().any(|list| list.contains(&name));
        return (!known)
            .then_some("special names lead out of the plugin; only a few harmless ones are allowed");
    }
    BUILTINS.contains(&name).then_some(
        "it runs text as code, reads or changes attributes by name, or reaches files and the terminal",
    )
}

/// Why giving something this name is not allowed.
pub(super) fn binding(name: &str) -> Option<&'static str> {
    let known = || VARIABLES.contains(&name) || METHODS.contains(&name);
    (is_special(name) && !known()).then_some(
        "Python, a metaclass or a decorator acts upon this name; only harmless ones may be defined",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_names_are_denied_but_for_the_harmless() {
        assert!(attribute("__globals__").is_some() && attribute("__class__").is_some());
        assert!(attribute("__init__").is_none() && attribute("__VER__").is_none());
        assert!(binding("__annotations__").is_some() && binding("__prepare__").is_some());
        assert!(binding("__repr__").is_none() && binding("x").is_none());
        assert!(name("__import__").is_some() && name("eval").is_some() && name("print").is_none());
    }

    #[test]
    fn modules_and_frames_are_denied_by_name() {
        for denied in ["_os", "sys", "gi_frame", "_convert_", "format", "mro"] {
            assert!(attribute(denied).is_some(), "{denied}");
        }
        for allowed in ["_value_", "_private", "open", "log", "__mangled"] {
            assert!(attribute(allowed).is_none(), "{allowed}");
        }
    }
}
