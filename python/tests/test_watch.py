"""`watch`: what is added, changed and removed, told once, without polling where the system tells."""

from __future__ import annotations

import asyncio
import textwrap
import threading
from pathlib import Path

import pytest

import plugcache as pc

from conftest import Run, Tree

#: Seconds in which a change must have been told, on the slowest machine.
LONG = 60.0


def told(watch: pc.Watch, kind: str, name: str) -> pc.Change:
    """The next change of that kind and name."""
    while True:
        change = watch.next(LONG)
        assert change is not None, f"nothing said that {name} was {kind}"
        if (change.kind, change.name) == (kind, name):
            return change


def test_what_happens_to_plugins_is_told_with_their_records(tree: Tree) -> None:
    tree.plugin("one", "one")
    registry = tree.registry()
    with pc.watch(registry) as changes:
        assert changes.next(0) is None
        tree.plugin("two", "two")
        added = told(changes, "added", "two")
        assert added.old is None and added.new is not None
        assert (added.new.qualname, added.file) == ("Two", str(tree.file("two")))
        assert added.new.digest == registry.record("two").digest
        tree.plugin("one", "one", body="speed = 3")
        changed = told(changes, "changed", "one")
        assert changed.old is not None and changed.new is not None
        assert (changed.old.attributes.get("speed"), changed.new.attributes["speed"]) == (None, 3)
        tree.file("two").unlink()
        assert told(changes, "removed", "two").new is None
        assert tree.imported() == set()
        assert changes.polling == []
    assert changes.is_closed
    assert list(changes) == []
    assert changes.next() is None


def test_iterating_ends_when_the_watch_is_closed_from_another_thread(tree: Tree) -> None:
    tree.plugin("one", "one")
    seen: list[str] = []
    watch = pc.watch(tree.registry())

    def read() -> None:
        for change in watch:
            seen.append(change.name)

    reader = threading.Thread(target=read)
    reader.start()
    tree.plugin("two", "two")
    # A second watch sees what the first has seen or will see: then the first may be closed.
    with pc.watch(tree.registry()) as second:
        tree.plugin("three", "three")
        told(second, "added", "three")
    watch.close()
    reader.join(LONG)
    assert not reader.is_alive()
    assert set(seen) <= {"two", "three"}


def test_callbacks_are_called_and_one_that_raises_stops_none(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.plugin("one", "one")
    seen: list[str] = []
    raised: list[object] = []
    has_come = threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda args: raised.append(args.exc_type))

    def callback(change: pc.Change) -> None:
        seen.append(change.name)
        if change.name == "two":
            has_come.set()
            raise ValueError("the callback's own")
        has_come.set()

    with pc.watch(tree.registry(), callback=callback):
        for name in ("two", "three"):
            has_come.clear()
            tree.plugin(name, name)
            assert has_come.wait(LONG)
    assert seen == ["two", "three"]
    assert raised == [ValueError]


def test_async_for_goes_beside_other_tasks_and_a_cancelled_one_loses_nothing(tree: Tree) -> None:
    tree.plugin("one", "one")

    async def first(watch: pc.Watch) -> str:
        async for change in watch:
            return change.name
        return "nothing"

    async def main() -> list[str]:
        with pc.watch(tree.registry()) as watch:
            waiting = asyncio.create_task(first(watch))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            tree.plugin("two", "two")
            seen = [await asyncio.wait_for(first(watch), LONG)]
            tree.plugin("three", "three")
            seen.append(await asyncio.wait_for(first(watch), LONG))
            return seen

    assert asyncio.run(main()) == ["two", "three"]


def test_resolvers_and_directories_can_be_watched_together(tmp_path: Path) -> None:
    (tmp_path / "user").mkdir()
    (tmp_path / "other").mkdir()
    resolver = pc.Resolver([tmp_path / "user"], suffix="Plugin")
    with pc.watch(resolver, tmp_path / "other") as changes:
        (tmp_path / "user" / "a.py").write_text("class APlugin:\n    pass\n")
        assert told(changes, "added", "APlugin").file == str(tmp_path / "user" / "a.py")
        (tmp_path / "other" / "b.py").write_text("class B:\n    pass\n")
        assert told(changes, "added", "B").kind == "added"
    with pytest.raises(pc.ConfigError, match="nothing to watch"):
        pc.watch()
    with pytest.raises(pc.ConfigError, match="got 3"):
        pc.watch(3)  # type: ignore[arg-type]


def test_a_watch_that_nobody_closes_ends_with_the_program_and_a_child_leaves_it_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "watched").mkdir()
    program = f"""
        import os
        import plugcache as pc
        watch = pc.watch({str(tmp_path / "watched")!r}, callback=print)
        child = os.fork()
        if child == 0:
            assert watch.is_closed and list(watch) == []
            watch.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        print(watch.is_closed)
        # A thread that reads on would keep the program from ending.
        import threading
        other = pc.watch({str(tmp_path / "watched")!r})
        threading.Thread(target=lambda: list(other)).start()
    """
    # Python warns of a fork beside threads, which is what this is about.
    quiet = "import warnings\nwarnings.simplefilter('ignore')\n"
    assert run(quiet + textwrap.dedent(program)) == "False"
