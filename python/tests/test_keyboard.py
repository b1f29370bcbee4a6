"""Waiting can be ended from the keyboard."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

WAITS = {
    "cached": """
        @pc.cached(disk=False)
        def slow() -> int:
            begun.set()
            may_end.wait(100)
            return 1
        ask = slow
        is_waited_for = lambda: slow.cache_info().waits == 1
        answer = 1
    """,
    "instances": """
        def start(config):
            begun.set()
            may_end.wait(100)
            return 1
        instances = pc.Instances("slow", start=start)
        ask = lambda: instances.get("one").instance
        answer = 1
    """,
    "watch": """
        import os
        os.mkdir("watched")
        watch = pc.watch("watched")
        begun.set()
        def ask():
            return watch.next(100) if threading.current_thread() is threading.main_thread() else None
        answer = None
    """,
}


@pytest.mark.parametrize("what", WAITS)
def test_an_interrupt_ends_a_wait_and_what_is_waited_for_goes_on(what: str, tmp_path: Path) -> None:
    """The main thread waits for what another thread computes: a handler of a signal had no turn before that ended."""
    lines = [
        "import threading, time, sys",
        "import plugcache as pc",
        "begun, may_end, got = threading.Event(), threading.Event(), []",
        "main = threading.get_ident()",
        "is_waited_for = lambda: sys._current_frames()[main].f_code.co_name in ('get', 'next')",
        textwrap.dedent(WAITS[what]),
        "other = threading.Thread(target=lambda: got.append(ask()))",
        "other.start()",
        "assert begun.wait(60)",
        "def tell():",
        "    while not is_waited_for():",
        "        time.sleep(0.001)",
        "    print('waits', flush=True)",
        "threading.Thread(target=tell).start()",
        "try:",
        "    ask()",
        "except KeyboardInterrupt:",
        "    print('interrupted', flush=True)",
        "may_end.set()",
        "other.join()",
        "print(got == [answer], ask() == answer if answer else True, flush=True)",
    ]
    script = tmp_path / "program.py"
    script.write_text("\n".join(lines))
    environment = {**os.environ, "PLUGCACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-X", "dev", "-W", "error", str(script)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, env=environment, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True
    ) as child:
        assert child.stdout is not None and child.stderr is not None
        assert child.stdout.readline() == "waits\n"
        child.send_signal(signal.SIGINT)
        out, errors = child.communicate(timeout=60)
    assert errors == ""
    assert out.splitlines() == ["interrupted", "True True"]


def test_an_interrupt_ends_the_wait_for_another_process(tmp_path: Path) -> None:
    """The same where one process of a machine computes and others wait for its lock."""
    program = """
        import os, sys, threading, time
        import plugcache as pc

        read, write = os.pipe()
        told, tell = os.pipe()

        @pc.cached(once_per_host=True)
        def slow():
            os.write(tell, b"x")
            os.read(read, 1)
            return 1

        child = os.fork()
        if child == 0:
            os.close(write)
            os._exit(0 if slow() == 1 else 1)
        os.read(told, 1)

        def get():
            return slow()

        def announce(main):
            while sys._current_frames()[main].f_code.co_name != "get":
                time.sleep(0.001)
            print("waits", flush=True)

        threading.Thread(target=announce, args=(threading.get_ident(),)).start()
        try:
            get()
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        os.close(write)
        os.close(read)
        print(os.waitpid(child, 0)[1], slow(), flush=True)
    """
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(program))
    environment = {**os.environ, "PLUGCACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-X", "dev", "-W", "error", str(script)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "waits\n"
        child.send_signal(signal.SIGINT)
        out, errors = child.communicate(timeout=60)
    assert errors == ""
    assert out.splitlines() == ["interrupted", "0 1"]
