"""A server that judges a client by Autobahn's protocol, made with Python's `websockets`.

`/getCaseCount` says how many cases there are, `/runCase?case=N` sends the talk and compares what comes back, and
`/updateReports` is the end. A case here is the whole talk, closed with a code of its own.
"""

import threading
from urllib.parse import parse_qs, urlsplit

from websocket import TALK
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.sync.server import serve

CODES = [1000, 1001, 3000, 4999]


class Judge:
    """`terms` are those of `websocket.TERMS`; `tls` is a server's ssl.SSLContext."""

    def __init__(self, terms, tls=None):
        self.verdicts = []  # case, whether each message came back, what was agreed on, the client's own close code
        self.done = threading.Event()
        self.server = serve(
            self._judge, "127.0.0.1", 0, ssl=tls, compression=None, max_size=1 << 24, ping_interval=None,
            extensions=None if terms is None else [_factory(terms)],
        )
        self.port = self.server.socket.getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}" if tls is None else f"wss://localhost:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def _judge(self, connection):
        asked = urlsplit(connection.request.path)
        if asked.path == "/getCaseCount":
            connection.send(str(len(CODES)))
        elif asked.path == "/runCase":
            self._case(connection, int(parse_qs(asked.query)["case"][0]))
        elif asked.path == "/updateReports":
            self.done.set()

    def _case(self, connection, number):
        echoes = []
        try:
            for message in TALK:
                connection.send(message)
                echoes.append(connection.recv(20) == message)
            connection.close(CODES[number - 1], "enough")
        except (ConnectionClosed, TimeoutError) as error:
            echoes.append(repr(error))
        agreed = [extension.name for extension in connection.protocol.extensions]
        self.verdicts.append((number, echoes, agreed, connection.protocol.close_code))

    def stop(self):
        self.server.shutdown()
        self.thread.join(10)


def _factory(terms):
    return ServerPerMessageDeflateFactory(
        server_no_context_takeover=terms.get("serverNoContextTakeover", False),
        client_no_context_takeover=terms.get("clientNoContextTakeover", False),
        server_max_window_bits=terms.get("serverMaxWindowBits"),
        client_max_window_bits=terms.get("clientMaxWindowBits"),
    )
