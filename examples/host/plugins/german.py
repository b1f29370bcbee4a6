"""German greetings; the language tag is put together from constants."""

from host.base import Greeter

TAG = "de"


class German(Greeter):
    """Sagt Guten Tag."""

    language = TAG + "-" + "AT"

    def greet(self, name):
        return f"Guten Tag, {name}!"
