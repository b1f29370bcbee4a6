"""What the package does to the process that it is in: start, fork, threads, end."""

from __future__ import annotations

from pathlib import Path

from conftest import Run


def test_behaviour_20_parent_and_child_of_a_fork_go_on(run: Run) -> None:
    program = """
        import os, sys, threading
        import plugcache as pc

        @pc.cached
        def made(x):
            return [x]

        @pc.cached
        def slow(x):
            began.set()
            assert go.wait(20)
            return x

        began, go = threading.Event(), threading.Event()
        made(1)
        # A thread of the parent is in the middle of a computation, which the child has not.
        thread = threading.Thread(target=slow, args=(1,))
        thread.start()
        assert began.wait(20)
        child = os.fork()
        if child == 0:
            go.set()
            ok = made(1) == [1] and made(2) == [2] and slow(1) == 1 and made.cache_info().loads == 2
            os._exit(0 if ok else 1)
        _, status = os.waitpid(child, 0)
        go.set()
        thread.join(20)
        print(status, made(1), made(2), slow(1), made.cache_info().disk_hits)
    """
    # From 3.12 on, Python warns of a fork beside threads; that is what this is about.
    filtered = "import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n"
    import textwrap

    assert run(filtered + textwrap.dedent(program)) == "0 [1] [2] 1 1"


def test_behaviour_20_a_pool_of_forked_processes_shares_what_is_on_disk(run: Run) -> None:
    program = """
        import multiprocessing, os
        import plugcache as pc

        @pc.cached
        def made(x):
            return (x, os.getpid())

        if __name__ == "__main__":
            here = made(1)
            with multiprocessing.get_context("fork").Pool(3) as pool:
                there = pool.map(made, [1] * 20)
            print(set(there) == {here})
    """
    assert run(program) == "True"


def test_the_interpreter_ends_while_threads_compute(run: Run) -> None:
    program = """
        import threading, time
        import plugcache as pc

        began = threading.Event()

        @pc.cached
        def slow(x):
            began.set()
            time.sleep(60)

        threading.Thread(target=slow, args=(1,), daemon=True).start()
        threading.Thread(target=slow, args=(1,), daemon=True).start()
        assert began.wait(20)
        print("ends")
    """
    assert run(program) == "ends"


def test_what_is_kept_is_finalised_without_harm_at_the_end(run: Run) -> None:
    program = """
        import plugcache as pc

        class Loud:
            def __deepcopy__(self, memo):
                return self
            def __del__(self):
                made.cache_info()

        @pc.cached(disk=False, maxsize=2)
        def made(x):
            return Loud()

        for x in range(100):
            made(x)
        made.cache_clear()
        made(1)
        print(made.cache_info().currsize)
    """
    assert run(program) == "1"


def test_nothing_is_kept_where_nobody_wants_it(run: Run) -> None:
    program = """
        import os
        import plugcache as pc
        kept = pc.cached(name="kept")(abs)
        kept(-1)
        directory, _ = pc.directories()
        assert os.path.isdir(directory)
        print(directory)
    """
    import os

    directory = run(program, PLUGCACHE_NO_CACHE="1")
    assert not os.path.exists(directory)


def test_a_directory_that_others_can_write_to_is_refused_with_one_warning(run: Run, tmp_path: Path) -> None:
    program = """
        import warnings
        import plugcache as pc
        kept = pc.cached(name="kept")(abs)
        also = pc.cached(name="also")(abs)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            print(kept(-1), also(-1), kept(-1), kept.cache_info().hits)
        print(len(caught), caught[0].category.__name__, caught[0].message)
    """
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    told = run(program, PLUGCACHE_DIR=str(shared)).splitlines()
    assert told[0] == "1 1 1 1"
    assert told[1].startswith("1 PlugcacheWarning caches are in memory only: ")
    assert "chmod 700" in told[1]
    assert list(shared.iterdir()) == []


def test_settings_come_from_the_environment(run: Run) -> None:
    program = """
        import plugcache as pc
        try:
            pc.stats()
        except pc.ConfigError as error:
            print(error)
    """
    assert "PLUGCACHE_LOCK_TIMEOUT" in run(program, PLUGCACHE_LOCK_TIMEOUT="soon")
    sized = """
        import plugcache as pc
        kept = pc.cached(name="few")(abs)
        for x in range(100):
            kept(x)
        print(pc.stats()["few"]["capacity"])
    """
    assert run(sized, PLUGCACHE_FEW_CAPACITY="7") == "7"


def test_importing_the_package_imports_little(run: Run) -> None:
    program = """
        import sys
        import plugcache
        heavy = {"importlib.metadata", "asyncio", "inspect", "json", "pickle", "dataclasses", "enum", "email"}
        print(sorted(heavy & (set(sys.modules) - set(sys.argv[1:]))))
    """
    bare = run("import sys, typing, hashlib; print(*sys.modules)")
    assert run(program, *bare.split()) == "[]"


SUBINTERPRETERS = """
    import sys
    ways = []
    if sys.version_info >= (3, 13):
        import _interpreters as made
        ways = [lambda kind=kind: made.create(kind) for kind in ("isolated", "legacy")]
    else:
        import _xxsubinterpreters as made
        ways = [made.create] if sys.version_info < (3, 12) else [
            lambda isolated=isolated: made.create(isolated=isolated) for isolated in (True, False)
        ]
    if "main" in sys.argv:
        import plugcache
        assert plugcache.cached(abs)(-1) == 1
    tries = '''
    import sys
    sys.path[:] = %r
    try:
        from plugcache import cached
    except ImportError as error:
        print("refused" if "interpreter" in str(error) else error, flush=True)
    else:
        print("imported", flush=True)
    ''' % sys.path
    import textwrap
    for way in ways:
        one = way()
        made.run_string(one, textwrap.dedent(tries))
        made.destroy(one)
    if "main" in sys.argv:
        assert plugcache.cached(abs)(-1) == 1
    print("ends", len(ways))
"""


def test_a_subinterpreter_is_refused_with_a_reason(run: Run) -> None:
    """One that shares the lock of the main one would run its functions there, with the main one's modules."""
    for arguments in ((), ("main",)):
        told = run(SUBINTERPRETERS, *arguments).splitlines()
        assert told[-1] == f"ends {len(told) - 1}"
        assert told[:-1] in (["refused"], ["refused"] * 2)


def test_calls_work_to_the_very_end(run: Run) -> None:
    """What was registered before the package was imported runs after the package's own farewell."""
    program = """
        import atexit

        class Late:
            def __del__(self):
                assert made(1) == made(1) == [1]

        def late():
            print(made(1), made(2), made.cache_info().loads, flush=True)

        atexit.register(late)
        import plugcache as pc

        @pc.cached
        def made(x):
            return [x]

        made(1)
        late_one = Late()
        circle = [late_one]
        circle.append(circle)
    """
    assert run(program) == "[1] [2] 2"
    assert run(program, PLUGCACHE_NO_CACHE="1") == "[1] [2] 2"


def test_the_interpreter_ends_while_threads_are_served(run: Run) -> None:
    program = """
        import threading, time
        import plugcache as pc

        ready = threading.Barrier(5)

        @pc.cached(ttl=0.001)
        def short(x):
            return [x]

        @pc.cached
        def long(x):
            return x

        def ask():
            ready.wait(20)
            while True:
                short(1), long(1), long("text")

        for _ in range(4):
            threading.Thread(target=ask, daemon=True).start()
        ready.wait(20)
        time.sleep(0)
        print("ends")
    """
    for _ in range(3):
        assert run(program) == "ends"


def test_behaviour_20_a_fork_in_the_middle_of_a_computation(run: Run) -> None:
    """The computation goes on in both, and neither waits for the other."""
    program = """
        import os
        import plugcache as pc

        children = []

        @pc.cached
        def forks(x):
            children.append(os.fork())
            return [x, len(children)]

        @pc.cached
        def other(x):
            return x

        assert forks(1) == [1, 1]
        assert forks(1) == [1, 1]
        assert other(1) == other(1) == 1
        if children == [0]:
            os._exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]), forks(1), forks.cache_info().loads)
    """
    assert run(program) == "7 [1, 1] 1"
