# what the host hands over, used against it | ratio1 misses | strict misses | proves marker
class Host:
    def __init__(self):
        self.shell = lambda text: print('escaped')

class Plugin:
    def run(self, host):
        host.shell('anything')

Plugin().run(Host())
