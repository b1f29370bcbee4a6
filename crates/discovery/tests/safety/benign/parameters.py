"""Parameters are called what builtins are called, as in Python's own codecs."""

class Codec:
    def encode(self, input, errors="strict"):
        return input.upper(), len(input)

    def decode(self, input, errors="strict"):
        return (lambda type: type.lower())(input), len(input)


def kind(type, *vars, **dir):
    return type.name if type else (vars, dir)
