"""A plugin as most are: a class with a few literals."""

import json
from datetime import datetime, timedelta
from typing import Any, Optional

__VER__ = "1.2.0"
__all__ = ["Greeter"]

_CONFIG = {"GREETING": "hello", "LIMITS": [1, 2, 3]}


class Greeter:
    """Greets."""

    language = "en"

    def __init__(self, name: str, greeting: Optional[str] = None) -> None:
        self._name = name
        self.greeting = greeting or _CONFIG["GREETING"]

    def greet(self, **options: Any) -> str:
        until = datetime.now() + timedelta(hours=1)
        return json.dumps({"text": f"{self.greeting}, {self._name}!", "until": until.isoformat(), **options})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Greeter) and self._name == other._name

    __hash__ = None
