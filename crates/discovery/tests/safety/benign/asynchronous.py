class Client:
    def __init__(self, host):
        self.host = host

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, error, trace):
        return False

    async def fetch(self, names):
        return {name: await self.host.get(name) async for name in names}


async def main(host):
    async with Client(host) as client:
        return await client.fetch(host.names())
