"""Importing the modules of a package to find the classes in them.

A module that fails does not keep the others from being imported: all are tried, then the first failure is told (profile
0.4) or logged (0.1). No lock is held while a module is imported.
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
import threading
from typing import TYPE_CHECKING

from . import _profile
from .exceptions import DiscoveryError, DuplicateRegistryKeyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import ModuleType

logger = logging.getLogger("metaclass_registry.discovery")

_guarding = threading.Lock()


class _Guard:
    """What the root logger was before the first of several imports that go on at the same time."""

    depth = 0
    #: Counts forks: an import that began before one ends in the parent.
    forks = 0
    handlers: tuple[logging.Handler, ...] = ()
    level = logging.WARNING
    disabled = False
    threshold = 0


class _Stand(logging.Handler):
    """Stands for the root logger's handlers: with a handler there `basicConfig` does nothing, and with `force` it
    closes this one and not them."""

    def handle(self, record: logging.LogRecord) -> bool:
        for handler in _Guard.handlers:
            if record.levelno >= handler.level:
                handler.handle(record)
        return True


def import_module_preserving_root_logging(module_name: str, package: str | None = None) -> ModuleType:
    """Imports a module and puts the root logger back to what it was: handlers, level, and what is disabled.

    Loggers with a name are the module's own affair. Imports of several threads may overlap; the root logger is put
    back when the last of them ends.
    """
    root = logging.getLogger()
    with _guarding:
        forks = _Guard.forks
        _Guard.depth += 1
        if _Guard.depth == 1:
            _Guard.handlers = tuple(root.handlers)
            _Guard.level, _Guard.disabled = root.level, root.disabled
            _Guard.threshold = root.manager.disable
            root.handlers = [_Stand()]
    try:
        return importlib.import_module(module_name, package)
    finally:
        with _guarding:
            _Guard.depth -= 1 if forks == _Guard.forks else 0
            if _Guard.depth == 0 and forks == _Guard.forks:
                _restore(root)


def import_patiently(name: str) -> ModuleType:
    """The same, tried again where Python finds that two threads wait for each other's imports: one of them gets on."""
    for _ in range(3):
        try:
            return import_module_preserving_root_logging(name)
        except RuntimeError as error:
            if not is_deadlock(error):
                raise
    return import_module_preserving_root_logging(name)


def is_deadlock(error: BaseException) -> bool:
    """Whether it says that another thread imports the module, and waits for this one."""
    return type(error).__name__ == "_DeadlockError"


def forget_threads() -> None:
    """After a fork: threads that were in the middle of an import are not there any more."""
    global _guarding
    _guarding = threading.Lock()
    _Guard.forks += 1
    depth, _Guard.depth = _Guard.depth, 0
    if depth:
        _restore(logging.getLogger())


def _restore(root: logging.Logger) -> None:
    added = [handler for handler in root.handlers if handler not in _Guard.handlers]
    root.handlers = list(_Guard.handlers)
    root.setLevel(_Guard.level)
    root.disabled = _Guard.disabled
    logging.disable(_Guard.threshold)
    _Guard.handlers = ()
    for handler in added:
        handler.close()


def discover_registry_classes(
    package_path: Iterable[str],
    package_prefix: str,
    base_class: type,
    exclude_modules: set[str] | None = None,
    validation_func: Callable[[type], bool] | None = None,
    skip_packages: bool = True,
    module_filter: Callable[[str], bool] | None = None,
) -> list[type]:
    """Imports the modules directly in a package; returns the classes defined in them that derive from `base_class`.

    - `package_path`: the package's `__path__`; `package_prefix`: its name with a dot at the end.
    - `exclude_modules`: modules with one of these texts in their names are not imported.
    - `validation_func`: takes a class, and tells whether it counts.
    - `skip_packages`: packages inside are not imported. Default: yes.
    - `module_filter`: takes a module's full name, and tells whether it is imported.

    A module that cannot be imported: in profile 0.4 its error is raised after all others were imported; in 0.1 it is
    logged.
    """

    def wanted(name: str, is_package: bool) -> bool:
        if (is_package and skip_packages) or any(part in name for part in exclude_modules or ()):
            return False
        return module_filter is None or module_filter(name)

    there = pkgutil.iter_modules(package_path, package_prefix)
    modules = (info.name for info in there if wanted(info.name, info.ispkg))
    failures: list[BaseException] = []
    found = []
    for module in _imported(modules, failures):
        for one in _classes(module):
            if one.__module__ == module.__name__ and _counts(one, base_class, validation_func):
                found.append(one)
    _tell(failures)
    return found


def discover_registry_classes_recursive(
    package_path: Iterable[str],
    package_prefix: str,
    base_class: type,
    exclude_modules: set[str] | None = None,
    validation_func: Callable[[type], bool] | None = None,
) -> list[type]:
    """The same for all modules below a package, however deep: classes that a module imported count, too.

    A package inside that cannot be imported is told as a `DiscoveryError` (profile 0.4); what is in it stays out.
    """
    failures: list[BaseException] = []
    found = []
    for module in _imported(_walk(package_path, package_prefix, failures, exclude_modules or set()), failures):
        found += [one for one in _classes(module) if _counts(one, base_class, validation_func)]
    _tell(failures)
    return found


def _walk(path: Iterable[str], prefix: str, failures: list[BaseException], excluded: set[str]) -> Iterator[str]:
    for info in pkgutil.iter_modules(path, prefix):
        if not info.ispkg:
            if not any(part in info.name for part in excluded):
                yield info.name
            continue
        try:
            package = import_patiently(info.name)
        except Exception as error:
            if is_deadlock(error):
                continue
            told = DiscoveryError(f"package {info.name} cannot be imported: {type(error).__name__}: {error}")
            told.__cause__ = told.__context__ = error
            failures.append(told)
            continue
        yield from _walk(list(getattr(package, "__path__", ())), f"{info.name}.", failures, excluded)


def _imported(names: Iterable[str], failures: list[BaseException]) -> Iterator[ModuleType]:
    for name in names:
        try:
            module = import_patiently(name)
        except Exception as error:
            if is_deadlock(error):
                # The thread that imports it goes on as soon as this one does; its members register then.
                continue
            logger.debug("module %s cannot be imported: %s", name, error)
            if not _profile.current().reports_failures:
                logger.warning("left out: %s cannot be imported: %s: %s", name, type(error).__name__, error)
            failures.append(error)
            continue
        yield module


def _classes(module: ModuleType) -> list[type]:
    found = []
    for name in dir(module):
        try:
            value = getattr(module, name)
        except Exception:  # noqa: S112 - a module's own `__getattr__` may do as it likes
            continue
        if isinstance(value, type):
            found.append(value)
    return found


def _counts(one: type, base: type, validate: Callable[[type], bool] | None) -> bool:
    try:
        is_member = one is not base and issubclass(one, base)
    except TypeError:
        return False
    return is_member and (validate is None or validate(one))


def _tell(failures: list[BaseException]) -> None:
    if not failures or not _profile.current().reports_failures:
        return
    # Two classes for one key are a fault of the program, whatever else is missing.
    first = next((one for one in failures if isinstance(one, DuplicateRegistryKeyError)), failures[0])
    raise first
