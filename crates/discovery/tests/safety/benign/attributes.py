class Options:
    defaults = {"speed": 1}

    def __init__(self, host):
        self.speed = getattr(host, "speed", None) or self.defaults["speed"]
        self.open = host.open if hasattr(host, "open") else None

    def __getattr__(self, name):
        raise AttributeError(f"{self.__class__.__name__} has no {name}")

    def same(self, other):
        return type(self) is type(other) and self.__class__ is other.__class__

    def __enter__(self):
        return self

    def __exit__(self, *details):
        return None
