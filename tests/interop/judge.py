"""A server that judges a client by Autobahn's protocol, made with Python's `websockets`.

`/getCaseCount` says how many cases there are, `/runCase?case=N` sends the talk and compares what comes back, and
`/updateReports` is the end. A case here is the whole talk, closed with a code of its own.
"""

import asyncio
import threading
from urllib.parse import parse_qs, urlsplit

from websocket import TALK
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

CODES = [1000, 1001, 3000, 4999]


class Judge:
    """`terms` are those of `websocket.TERMS`; `tls` is a server's ssl.SSLContext.

    On one thread: two that read and write the same TLS connection get into each other's way in OpenSSL.
    """

    def __init__(self, terms, tls=None):
        self.verdicts = []  # case, whether each message came back, what was agreed on, the client's own close code
        self.done = threading.Event()
        self.terms, self.tls = terms, tls
        self.loop = asyncio.new_event_loop()
        self.end = asyncio.Event()
        listening = threading.Event()
        self.thread = threading.Thread(target=self.loop.run_until_complete, args=(self._serve(listening),), daemon=True)
        self.thread.start()
        assert listening.wait(10)
        self.url = f"ws://127.0.0.1:{self.port}" if tls is None else f"wss://localhost:{self.port}"

    async def _serve(self, listening):
        extensions = None if self.terms is None else [_factory(self.terms)]
        options = {"ssl": self.tls, "compression": None, "extensions": extensions, "max_size": 1 << 24}
        async with serve(self._judge, "127.0.0.1", 0, ping_interval=None, **options) as server:
            self.port = server.sockets[0].getsockname()[1]
            listening.set()
            await self.end.wait()

    async def _judge(self, connection):
        asked = urlsplit(connection.request.path)
        if asked.path == "/getCaseCount":
            await connection.send(str(len(CODES)))
        elif asked.path == "/runCase":
            await self._case(connection, int(parse_qs(asked.query)["case"][0]))
        elif asked.path == "/updateReports":
            self.done.set()

    async def _case(self, connection, number):
        echoes = []
        try:
            for message in TALK:
                await connection.send(message)
                echoes.append(await asyncio.wait_for(connection.recv(), 20) == message)
            await connection.close(CODES[number - 1], "enough")
        except (ConnectionClosed, TimeoutError) as error:
            echoes.append(repr(error))
        agreed = [extension.name for extension in connection.protocol.extensions]
        self.verdicts.append((number, echoes, agreed, connection.protocol.close_code))

    def stop(self):
        self.loop.call_soon_threadsafe(self.end.set)
        self.thread.join(10)


def _factory(terms):
    return ServerPerMessageDeflateFactory(
        server_no_context_takeover=terms.get("serverNoContextTakeover", False),
        client_no_context_takeover=terms.get("clientNoContextTakeover", False),
        server_max_window_bits=terms.get("serverMaxWindowBits"),
        client_max_window_bits=terms.get("clientMaxWindowBits"),
    )
