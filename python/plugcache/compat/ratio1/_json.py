"""JSON as naeural_core writes it, with a note beside it of what text cannot tell: which keys were numbers."""

from __future__ import annotations

import json
from typing import Any

from ..._errors import StoreError
from ..._plugcache import digest

#: How Python's own encoder writes keys that are no text, by kind; and back.
_BACK: dict[str, Any] = {
    "int": int,
    "float": float,
    "bool": lambda text: text == "true",
    "none": lambda text: None,
}

#: A dictionary's place, and its keys that were no text, by kind.
_Note = tuple[list[Any], dict[str, list[str]]]


def encode(value: Any) -> tuple[bytes, bytes | None]:
    """The JSON of a value, and the note of its keys, if it needs one."""
    notes: list[_Note] = []
    text = json.dumps(_plain(value, [], notes), indent=4, allow_nan=False).encode()
    if not notes:
        return text, None
    return text, json.dumps({"of": digest(text), "keys": notes}).encode()


def decode(text: bytes, keys: bytes | None) -> Any:
    """What was encoded. Of a text that the note is not of, keys are text."""
    value = json.loads(text)
    note = None if keys is None else json.loads(keys)
    if isinstance(note, dict) and note["of"] == digest(text):
        # The innermost first: a place is told by the keys as they are in the text.
        for place, kinds in sorted(note["keys"], key=lambda one: -len(one[0])):
            held: Any = value
            for part in place:
                held = held[part]
            back = {key: _BACK[kind](key) for kind, keys in kinds.items() for key in keys}
            items = [(back.get(key, key), one) for key, one in held.items()]
            held.clear()
            held.update(items)
    return value


def _plain(value: Any, place: list[Any], notes: list[_Note]) -> Any:
    """The same in what JSON has."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return float(value) if value - value == 0 else None
    if isinstance(value, dict):
        return _dictionary(value, place, notes)
    if isinstance(value, (list, tuple)):
        return [_plain(one, [*place, number], notes) for number, one in enumerate(value)]
    kind = type(value)
    top = kind.__module__.partition(".")[0]
    if top == "numpy" and hasattr(value, "tolist"):
        return _plain(value.tolist(), place, notes)
    if top == "datetime" and hasattr(value, "hour") and hasattr(value, "year"):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if top == "torch":
        return str(value)
    raise StoreError(
        f"a {kind.__qualname__} is nothing that JSON has: save lists, dictionaries, text or numbers, or pickle it"
    )


def _dictionary(value: dict[Any, Any], place: list[Any], notes: list[_Note]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    kinds: dict[str, list[str]] = {}
    for key, one in value.items():
        text, kind = _key(key)
        if text in plain:
            raise StoreError(f"two keys would both be {text!r} in JSON: rename one of them, or pickle it")
        if kind is not None:
            kinds.setdefault(kind, []).append(text)
        plain[text] = _plain(one, [*place, text], notes)
    if kinds:
        notes.append((place, kinds))
    return plain


def _key(key: Any) -> tuple[str, str | None]:
    if isinstance(key, str):
        return str(key), None
    if key is None:
        return "null", "none"
    if isinstance(key, bool):
        return ("true" if key else "false"), "bool"
    if isinstance(key, int):
        return int.__repr__(key), "int"
    if isinstance(key, float):
        return float.__repr__(key), "float"
    kind = type(key)
    raise StoreError(f"key {key!r} is a {kind.__qualname__}: keys in JSON are text or numbers")
