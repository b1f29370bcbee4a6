import re
import textwrap

PATTERN = re.compile(r"(?P<key>\w+)\s*=\s*(?P<value>.*)", re.VERBOSE | re.IGNORECASE)


def parse(text: str) -> dict:
    found = {}
    for line in textwrap.dedent(text).splitlines():
        if (match := PATTERN.match(line)) is not None:
            found[match["key"]] = match.group("value").strip()
    return found


def describe(found):
    return ", ".join("{}={!r:>{width}}".format(key, value, width=10) for key, value in sorted(found.items()))
