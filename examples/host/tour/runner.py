"""Runs one codec in a process of its own, for the example host.

The host sends the plugin's source on the first line, since what is run has to be what was judged: this program never
looks at the plugin's file. From then on each line is a request, and each request gets one line of answer.
"""

import codecs
import json
import sys
import types


class Codec:
    """The plugin, and how it is configured."""

    def __init__(self, name, file, source):
        module = types.ModuleType(name)
        code = compile(source.encode("latin-1"), file, "exec")
        exec(code, module.__dict__)
        self.entry = module.getregentry()
        self.errors = "strict"

    def configure(self, errors):
        codecs.lookup_error(errors)
        self.errors = errors
        return errors

    def encode(self, text):
        encoded, _ = self.entry.encode(text, self.errors)
        return encoded if isinstance(encoded, str) else encoded.decode("latin-1")


def main():
    # What the plugin prints must not be taken for an answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    codec = None
    for line in sys.stdin:
        request = json.loads(line)
        do = request.pop("do")
        try:
            if do == "load":
                codec = Codec(**request)
                told = {"ok": codec.entry.name}
            else:
                told = {"ok": {"configure": codec.configure, "encode": codec.encode}[do](**request)}
        except Exception as error:  # a plugin may raise anything, and the host wants to hear of it
            told = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(told), file=answers, flush=True)


if __name__ == "__main__":
    main()
