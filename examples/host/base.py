"""The base class of a made-up host: what its plugins derive from."""


class Greeter:
    """Greets in one language."""

    language = None
    polite = False

    def greet(self, name):
        raise NotImplementedError
