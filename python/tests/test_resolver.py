"""`Resolver`: trusted places first, user roots judged before any of their code runs, edits seen."""

from __future__ import annotations

import os
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import plugcache as pc

HARMLESS = pc.SafetyPolicy()


class Place:
    """A trusted root and a user root."""

    def __init__(self, path: Path) -> None:
        self.trusted = path / "trusted"
        self.user = path / "user"
        self.trusted.mkdir()
        self.user.mkdir()

    def write(self, root: Path, name: str, text: str) -> Path:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        return file

    def resolver(self, **settings: object) -> pc.Resolver:
        asked = {"roots": [self.user], "trusted": [self.trusted], "suffix": "Plugin", **settings}
        return pc.Resolver(**asked)  # type: ignore[arg-type]


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Place]:
    before = set(sys.modules)
    yield Place(tmp_path)
    for name in set(sys.modules) - before:
        if name.startswith(("plugcache_user_", "trusted_")):
            del sys.modules[name]


def test_behaviour_12_trusted_places_come_first_whatever_a_user_writes(places: Place) -> None:
    places.write(places.trusted, "trusted_greeter.py", "class Greeter_Plugin:\n    side = 'trusted'\n")
    places.write(places.user, "greeter.py", "class GreeterPlugin:\n    side = 'user'\n")
    # The user's is the very spelling, the trusted one only loosely.
    resolver = places.resolver(case="loose", suffix="")
    found = resolver.resolve("GreeterPlugin")
    assert (found.is_trusted, found.root, found.record.module) == (True, str(places.trusted), "trusted_greeter")
    assert resolver.load("GreeterPlugin").side == "trusted"
    assert "greeter" not in sys.modules
    with pytest.raises(pc.AmbiguousPluginError, match=r"trusted_greeter.*greeter\.py"):
        places.resolver(case="loose", suffix="", duplicates="error").resolve("GreeterPlugin")


def test_behaviour_13_user_code_is_judged_before_any_of_it_runs(places: Place) -> None:
    """ratio1 judges a module after its import: the body of a rejected one has run by then."""
    marker = places.user.parent / "ran"
    places.write(places.user, "package/__init__.py", f"open({str(marker)!r}, 'w').close()\n")
    places.write(places.user, "package/inner.py", "class InnerPlugin:\n    pass\n")
    places.write(places.user, "sly.py", f"open({str(marker)!r}, 'w').close()\nclass SlyPlugin:\n    pass\n")
    resolver = places.resolver()
    for name in ("Sly", "Inner"):
        assert resolver.resolve(name).is_trusted is False
        with pytest.raises(pc.RejectedPluginError, match="allow its digest"):
            resolver.load(name)
        assert "may not be loaded: violations" in pc.explain(resolver, name)
    assert not marker.exists()
    digest = resolver.judge("Sly")[-1].digest
    assert digest is not None
    gate = places.resolver(safety=pc.SafetyPolicy(allowed_digests=(digest,), only_listed=True))
    assert gate.load("Sly").__name__ == "SlyPlugin"
    assert marker.exists()


def test_behaviour_13_what_is_loaded_is_what_was_judged(places: Place) -> None:
    """Compiled code beside a source could be of another one: it is neither read nor written."""
    import importlib.util
    import py_compile

    file = places.write(places.user, "plain.py", "class PlainPlugin:\n    value = 1\n")
    stamp = file.stat()
    py_compile.compile(str(file))
    file.write_text("class PlainPlugin:\n    value = 2\n")
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert places.resolver().load("Plain").value == 2
    os.unlink(importlib.util.cache_from_source(str(file)))
    places.resolver().load("Plain")
    assert not os.path.exists(importlib.util.cache_from_source(str(file)))


def test_a_user_module_is_no_danger_to_another_of_its_name(places: Place) -> None:
    import json

    places.write(places.user, "json.py", "class JsonPlugin:\n    pass\n")
    plugin = places.resolver().load("Json")
    assert plugin.__module__.startswith("plugcache_user_")
    assert sys.modules["json"] is json
    assert places.resolver().load("Json") is plugin, "two resolvers of one root and policy share it"
    other = places.resolver(safety=pc.SafetyPolicy(allowed_imports=("os",))).load("Json")
    assert other is not plugin, "another policy is another key"


def test_behaviour_2_an_edit_is_seen_by_load_and_only_what_depends_on_it_is_new(places: Place) -> None:
    places.write(places.user, "kit/__init__.py", "")
    helper = places.write(places.user, "kit/helper.py", "VALUE = 1\n")
    for name in ("one", "two"):
        places.write(
            places.user,
            f"kit/{name}.py",
            f"from .helper import VALUE\nclass {name.title()}Plugin:\n    value = VALUE\n",
        )
    apart = places.write(places.user, "kit/apart.py", "class ApartPlugin:\n    value = 1\n")
    resolver = places.resolver()
    one, two, third = (resolver.load(name) for name in ("One", "Two", "Apart"))
    assert resolver.load("One") is one
    before = apart.stat()
    apart.write_text("class ApartPlugin:\n    value = 2\n")
    os.utime(apart, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (resolver.load("Apart").value, third.value) == (2, 1)
    assert resolver.load("One") is one
    helper.write_text("VALUE = 2\n")
    assert (resolver.load("One").value, one.value) == (2, 1)
    assert (resolver.load("Two").value, two.value) == (2, 1), "it depends on a module that was renewed for another"
    again = resolver.load("Apart")
    assert resolver.load("Apart") is again
    assert places.resolver(reload=False).load("Two") is resolver.load("Two")
    helper.write_text("VALUE = 3\n")
    assert places.resolver(reload=False).load("Two").value == 2
    assert resolver.load("Two").value == 3


def test_behaviour_13_an_edit_is_judged_too(places: Place) -> None:
    file = places.write(places.user, "turns.py", "class TurnsPlugin:\n    pass\n")
    resolver = places.resolver()
    resolver.load("Turns")
    file.write_text("import os\nclass TurnsPlugin:\n    pass\n")
    with pytest.raises(pc.RejectedPluginError, match="import `os`"):
        resolver.load("Turns")
    file.write_text("class TurnsPlugin:\n    value = 3\n")
    assert resolver.load("Turns").value == 3


def test_behaviour_3_a_miss_is_not_sticky_and_names_the_nearest(places: Place) -> None:
    places.write(places.trusted, "trusted_video.py", "class VideoPlugin:\n    pass\n")
    places.write(places.user, "audio.py", "class AudioPlugin:\n    pass\n")
    resolver = places.resolver()
    with pytest.raises(pc.UnknownPluginError, match="did you mean VideoPlugin") as caught:
        resolver.load("Vido")
    assert caught.value.close == ("VideoPlugin",)
    with pytest.raises(pc.UnknownPluginError, match="did you mean AudioPlugin"):
        resolver.resolve("Audoi")
    places.write(places.user, "vido.py", "class VidoPlugin:\n    pass\n")
    assert resolver.load("Vido").__name__ == "VidoPlugin"
    assert resolver.names() == ["AudioPlugin", "VideoPlugin", "VidoPlugin"]
    assert "Vido" in resolver and "Nothing" not in resolver


def test_behaviour_4_a_plugin_that_raises_is_tried_again(places: Place) -> None:
    file = places.write(places.user, "raises.py", "class RaisesPlugin:\n    value = 1 // 0\n")
    resolver = places.resolver()
    with pytest.raises(pc.PluginImportError, match="raised ZeroDivisionError") as caught:
        resolver.load("Raises")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    file.write_text("class RaisesPlugin:\n    value = 1\n")
    assert resolver.load("Raises").value == 1


def test_a_plugin_that_goes_on_without_a_module_is_imported_anew_when_that_is_mended(places: Place) -> None:
    """As yt-dlp does without `requests`: a part that cannot be imported is left out."""
    places.write(places.user, "kit/__init__.py", "")
    part = places.write(places.user, "kit/part.py", "VALUE = 1 // 0\n")
    places.write(
        places.user,
        "kit/whole.py",
        "try:\n    from .part import VALUE\nexcept ZeroDivisionError:\n    VALUE = None\n"
        "class WholePlugin:\n    value = VALUE\n",
    )
    resolver = places.resolver()
    plugin = resolver.load("Whole")
    assert plugin.value is None
    assert resolver.load("Whole") is plugin
    part.write_text("VALUE = 2\n")
    assert resolver.load("Whole").value == 2


def test_a_base_of_the_host_is_known_to_users_plugins(places: Place) -> None:
    places.write(places.trusted, "trusted_base.py", "class Handler:\n    pass\n")
    places.write(places.trusted, "trusted_own.py", "from trusted_base import Handler\nclass Own(Handler):\n    pass\n")
    places.write(places.user, "theirs.py", "from trusted_base import Handler\nclass Theirs(Handler):\n    pass\n")
    places.write(places.user, "no.py", "class No:\n    pass\n")
    policy = pc.SafetyPolicy(allowed_imports=("trusted_base",))
    resolver = places.resolver(base="Handler", suffix="", safety=policy)
    assert resolver.names() == ["Own", "Theirs"]
    sys.path.insert(0, str(places.trusted))
    try:
        assert issubclass(resolver.load("Theirs"), resolver.load("Own").__mro__[1])
    finally:
        sys.path.remove(str(places.trusted))


def test_an_old_file_is_known_by_its_entry_and_an_edit_that_hides_is_seen(places: Place) -> None:
    """A file that nobody has touched for long is not read again; one whose time was put back is."""
    file = places.write(places.user, "old.py", "class OldPlugin:\n    value = 1\n")
    resolver = places.resolver()
    root = resolver._root(resolver.resolve("Old"))
    reads: list[str] = []
    judged = root._judged

    def read(path: str) -> pc.Judged:
        reads.append(path)
        found: pc.Judged = judged(path)
        return found

    root._judged = read
    with pytest.MonkeyPatch.context() as patch:
        # Two hours later, by the clock that entries are compared with.
        later = time.time_ns() + 7_200_000_000_000
        patch.setattr("plugcache._user_modules.time", SimpleNamespace(time_ns=lambda: later))
        first = resolver.load("Old")
        reads.clear()
        assert resolver.load("Old") is first
        assert reads == []
        before = file.stat()
        file.write_text("class OldPlugin:\n    value = 2\n")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert resolver.load("Old").value == 2
    reads.clear()
    assert resolver.load("Old").value == 2
    assert reads == [str(file)], "it is too young to prove anything"


def test_threads_that_load_during_edits_get_whole_modules(places: Place) -> None:
    file = places.write(places.user, "busy.py", "class BusyPlugin:\n    pair = (0, 0)\n")
    resolver = places.resolver()
    seen: list[tuple[int, int]] = []
    raised: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(15):
                seen.append(resolver.load("Busy").pair)
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(1, 10):
        new = file.with_suffix(".new")
        new.write_text(f"class BusyPlugin:\n    pair = ({number}, {number})\n")
        new.replace(file)
    for thread in threads:
        thread.join(60)
    assert raised == []
    assert all(first == second for first, second in seen)
    assert resolver.load("Busy").pair == (9, 9)


def test_a_package_of_the_standard_library_as_trusted_plugins(places: Place) -> None:
    """Codecs that nobody wrote for this test, behind `encodings`; a user's codec beside them."""
    import encodings.rot_13

    places.write(places.user, "twice.py", "import codecs\nclass Codec(codecs.Codec):\n    name = 'mine'\n")
    policy = pc.SafetyPolicy(allowed_imports=("codecs",))
    settings = {"base": "codecs:Codec", "key": "stem", "private": False}
    resolver = pc.Resolver([places.user], package="encodings", safety=policy, **settings)  # type: ignore[arg-type]
    assert {"rot_13", "utf_8_sig", "twice"} <= set(resolver.names())
    assert resolver.load("rot_13") is encodings.rot_13.Codec
    assert resolver.resolve("rot_13").is_trusted
    assert resolver.load("twice").name == "mine"
    with pytest.raises(pc.ConfigError, match="no place to look"):
        pc.Resolver()
    with pytest.raises(pc.ConfigError, match="among the trusted and among the user roots"):
        pc.Resolver([places.user], trusted=[places.user])


@pytest.mark.skipif(sys.version_info < (3, 11), reason="this yt-dlp runs on Python 3.11 and later")
def test_a_thousand_extractors_as_user_plugins(places: Place) -> None:
    """yt-dlp, which nobody wrote for this test: its extractors import each other relatively, through four packages."""
    corpora = os.environ.get("PLUGCACHE_CORPORA")
    assert corpora, "set PLUGCACHE_CORPORA: `cargo xtask test --env` says to what"
    root = Path(corpora) / "yt_dlp"
    base = "yt_dlp.extractor.common:InfoExtractor"
    resolver = pc.Resolver([root], suffix="IE", base=base, safety=None)
    assert len(resolver.names()) > 1500
    assert resolver.judge("Vimeo")[-1].reason == "trusted-root"
    assert not pc.Resolver([root], suffix="IE", base=base).judge("Vimeo")[-1].allowed
    with warnings.catch_warnings():
        # What yt-dlp does that newer Pythons warn of is its own affair.
        warnings.simplefilter("ignore")
        plugin = resolver.load("Vimeo")
    assert plugin.IE_NAME == "vimeo"
    assert plugin.suitable("https://vimeo.com/56015672")
    assert "yt_dlp" not in sys.modules
    modules = [name for name in sys.modules if name.startswith(plugin.__module__.partition(".")[0])]
    assert len(modules) > 50
    assert resolver.load("Vimeo") is plugin


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("cam_front.py", b"class CamFront_Plugin:\n  x = (\n"),
        ("cam_front.py", b"\xff\xfe\0"),
        ("sub/cam_front/__init__.py", b"def f(:\n"),
        ("cameras.py", b"# \xff\nclass CamFrontPlugin:\n    pass\n"),
        ("cameras.py", "class CamFrontPlugin(:\n    pass\n".encode("utf-16")),
        ("cameras.py", b"NAMES = ['cam_front'\nx = )\n"),
    ],
)
@pytest.mark.parametrize("name", ["CamFront", "CamFrontPlugin"])
def test_a_broken_trusted_file_does_not_hand_its_names_to_users(
    places: Place, file: str, text: bytes, name: str
) -> None:
    # It is in no index, so the name was a user's for as long as the trusted file was broken.
    places.write(places.user, "cam_front.py", "class CamFrontPlugin:\n    pass\n")
    places.write(places.user, "other.py", "class OtherPlugin:\n    pass\n")
    resolver = places.resolver()
    broken = places.write(places.trusted, file, "")
    broken.write_bytes(text)
    for ask in (resolver.resolve, resolver.load):
        with pytest.raises(pc.PluginImportError, match=broken.name) as caught:
            ask(name)
        assert caught.value.path == str(broken)
    assert name in resolver and "which is broken" in resolver.explain(name)
    # What it cannot hold is as it was.
    assert resolver.resolve("Other").is_trusted is False
    assert resolver.names() == ["OtherPlugin"] == list(resolver.records())
    broken.unlink()
    assert resolver.load(name).__name__ == "CamFrontPlugin"
    assert len(resolver.names()) == 2
