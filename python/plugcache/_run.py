"""`python -m plugcache run`: starts a program as Python itself would, with accelerated entry points.

The program runs in this process: its signals, its exit code and its standard streams are its own. It finds
`__main__`, `sys.argv` and `sys.path` as `python PROGRAM` would have made them, and a traceback of it begins with its
own code. What it can tell by: `sys.orig_argv`, the modules that are loaded already, and that a script whose first line
names another interpreter, or options of it, is started there by `-c`.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, ModuleType

#: Runs the rest of the command line in another interpreter.
_ELSEWHERE = """\
import sys
if not (getattr(sys.flags, "safe_path", False) or sys.flags.isolated):
    sys.path.pop(0)
try:
    from plugcache._run import run
except ImportError as error:
    sys.exit(f"plugcache run: {sys.executable}, which {sys.argv[2]} is a program of, cannot import plugcache "
             f"({error}): install it there")
sys.exit(run(sys.argv[1:], is_safe=True, is_there=True))
"""


def run(arguments: list[str], *, is_safe: bool | None = None, is_there: bool = False) -> int:
    """Runs the program of a command line to its end. Returns an exit code only if there is nothing to run.

    `is_safe`: the first entry of `sys.path` is not the one that Python puts there for `-m`. `is_there`: this is what
    the program's first line has started, whatever it looks like from here: a shim has another name, and options are
    gone.
    """
    if arguments and arguments[0] == "--":
        arguments = arguments[1:]
    if not arguments or (arguments[0] in ("-m", "-c") and len(arguments) < 2):
        return _refuse("expected a program: python -m plugcache run -- PROGRAM [ARGUMENTS]")
    # Whether Python adds neither a script's directory nor the current one.
    adds_none = bool(getattr(sys.flags, "safe_path", False) or sys.flags.isolated)
    if is_safe is None:
        is_safe = adds_none
    if arguments[0] == "-m":
        sys.argv[:] = ["-m", *arguments[2:]]
        return _go(lambda: _run_module(arguments[1]), None if adds_none else os.getcwd(), is_safe)
    if arguments[0] == "-c":
        sys.argv[:] = ["-c", *arguments[2:]]
        text, first = arguments[1], None if adds_none else ""
        return _go(lambda: _run_code(compile(text, "<string>", "exec", dont_inherit=True)), first, is_safe)
    program = _find(arguments[0])
    if program is None:
        return _refuse(f"{arguments[0]}: neither a command on PATH nor a file here")
    sys.argv[:] = [program, *arguments[1:]]
    if not is_there and _is_command(program):
        interpreter = _interpreter_of(program)
        if interpreter is None:
            return _refuse(f"{program}: its first line names no Python, so it is no Python script")
        if not _is_this(interpreter):
            return _run_elsewhere(interpreter, program, arguments[1:])
    if os.path.isdir(program) or not _is_source(program):
        # A directory or an archive with a `__main__`: Python adds it in any case.
        return _go(lambda: _run_module("__main__"), _absolute(program), is_safe)
    first = None if adds_none else os.path.dirname(os.path.realpath(program))
    return _go(lambda: _run_file(program), first, is_safe)


def _refuse(why: str) -> int:
    print(f"plugcache run: {why}", file=sys.stderr)
    return 2


# ---- which program ---------------------------------------------------------------------------------------------------


def _find(program: str) -> str | None:
    """Where a program is: as a shell finds it, or the file of that name."""
    if os.sep not in program:
        import shutil

        found = None if program.endswith(".py") else shutil.which(program)
        if found is not None:
            return found
    return program if os.path.exists(program) else None


def _is_command(program: str) -> bool:
    """Whether a shell would start it by itself."""
    return os.path.isfile(program) and os.access(program, os.X_OK) and not program.endswith(".py")


def _interpreter_of(program: str) -> list[str] | None:
    """The Python, with its options, that a script's first line names; `None` if it names none."""
    with open(program, "rb") as script:
        first, second = (script.readline(4096).decode("utf-8", "surrogateescape") for _ in range(2))
    if not first.startswith("#!"):
        return None
    words = first[2:].split()
    if words[:1] == ["/bin/sh"] and second.startswith("'''exec'"):
        # What installers write where the interpreter's path is too long for a first line, or has a space.
        import shlex

        words = shlex.split(second.partition("'''exec'")[2])
        words = words[: words.index("$0")] if "$0" in words else []
    if words and os.path.basename(words[0]) == "env":
        import shutil

        words = words[2:] if words[1:2] == ["-S"] else words[1:]
        words[:1] = [shutil.which(words[0]) or words[0]] if words else []
    is_python = bool(words) and os.path.basename(words[0]).startswith(("python", "pypy"))
    return words if is_python else None


def _is_this(interpreter: list[str]) -> bool:
    """Whether that is the interpreter that runs here: the same program in the same environment."""
    try:
        return len(interpreter) == 1 and (
            interpreter[0] == sys.executable
            or (
                os.path.samefile(interpreter[0], sys.executable)
                and os.path.samefile(os.path.dirname(interpreter[0]), os.path.dirname(sys.executable))
            )
        )
    except OSError:
        return False


def _run_elsewhere(interpreter: list[str], program: str, arguments: list[str]) -> int:
    print(f"plugcache run: {program} runs in {interpreter[0]}, as its first line says", file=sys.stderr, flush=True)
    # The program's own options of the interpreter hold for what runs it.
    command = [*interpreter, "-c", _ELSEWHERE, "--", program, *arguments]
    try:
        os.execv(command[0], command)
    except OSError as error:
        return _refuse(f"{program}: its first line names {command[0]}: {error.strerror}")


def _absolute(program: str) -> str:
    """The path as Python spells it: as it was given. Without a `link/..` it could be that of another file."""
    return program if program.startswith("/") else f"{os.getcwd()}/{program}"


def _is_source(program: str) -> bool:
    """Whether it is to be read as text: not an archive."""
    import zipimport

    try:
        zipimport.zipimporter(program)
    except zipimport.ZipImportError:
        return True
    return False


# ---- running it ------------------------------------------------------------------------------------------------------


def _go(program: Callable[[], None], first: str | None, is_safe: bool) -> int:
    """Runs a program, with `first` in the place of what Python has put first on the search path."""
    from . import _startup

    if not is_safe:
        del sys.path[:1]
    if first is not None:
        sys.path.insert(0, first)
    _startup.start()
    try:
        program()
    except SystemExit:
        raise
    except BaseException as error:
        # Python tells of it and chooses the exit code, as always; but what lies above the program is not its own.
        _hide_this(error)
        raise
    return 0


def _new_main() -> ModuleType:
    """An empty `__main__` in the place of this program's."""
    import types

    main = types.ModuleType("__main__")
    main.__dict__.update(__annotations__={}, __builtins__=sys.modules["builtins"])
    # What ran until now is on the way up, and needs its names.
    _kept.append(sys.modules["__main__"])
    sys.modules["__main__"] = main
    return main


_kept: list[Any] = []


def _run_module(name: str) -> None:
    import runpy

    _new_main()
    # What `python -m` calls.
    run_as_main: Any = getattr(runpy, "_run_module_as_main")
    run_as_main(name, alter_argv=name != "__main__")


def _run_file(program: str) -> None:
    import io
    from importlib.machinery import SourceFileLoader

    main = _new_main()
    file = _absolute(program)
    with io.open_code(file) as script:
        text = script.read()
    code = compile(text, file, "exec", dont_inherit=True)
    main.__loader__ = SourceFileLoader("__main__", file)
    main.__dict__.update(__file__=file, __cached__=None)
    exec(code, main.__dict__)


def _run_code(code: CodeType) -> None:
    main = _new_main()
    from importlib.machinery import BuiltinImporter

    main.__loader__ = BuiltinImporter
    exec(code, main.__dict__)


def _hide_this(error: BaseException) -> None:
    """Has the traceback that will be shown begin in the program."""
    show = sys.excepthook

    def shown(kind: Any, value: BaseException, traceback: Any) -> None:
        place, is_past = traceback, False
        while place is not None:
            is_here = place.tb_frame.f_code.co_filename == __file__
            if is_past and not is_here:
                break
            is_past = is_past or is_here
            place = place.tb_next
        value.__traceback__ = place if is_past else traceback
        show(kind, value, value.__traceback__)

    sys.excepthook = shown
