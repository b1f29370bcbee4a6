# allow: host
from host.base import Plugin, register
import host.tools as tools


@register("upper")
class Upper(Plugin):
    def run(self, text):
        self.log.info("running")
        return tools.clean(text).upper()
