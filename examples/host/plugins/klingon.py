"""A greeting that needs a library nobody has: importing this module fails, finding it does not."""

import a_library_that_is_not_installed

from ..base import Greeter


class Klingon(Greeter):
    """Says nuqneH."""

    language = "tlh"

    def greet(self, name):
        return a_library_that_is_not_installed.shout("nuqneH", name)
