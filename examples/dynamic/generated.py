"""Classes that no source names: they are made in a loop."""


class Greeter:
    language = None


for code in ("de", "en"):
    name = "Greeter" + code.title()
    globals()[name] = type(name, (Greeter,), {"language": code})
