"""English greetings."""

from ..base import Greeter


class English(Greeter):
    """Says hello."""

    language = "en"

    def greet(self, name):
        return f"Hello, {name}!"


class PoliteEnglish(English):
    """Says good day."""

    polite = True

    def greet(self, name):
        return f"Good day, {name}."
