"""Slow clients: many connections of one kind, and somebody who keeps them from being silent."""

import socket
import threading

import plain
from accepting import Accepting

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"

# Between two acts of a slow client, in seconds.
PACE = 0.2


class Slow:
    """So many connections to a gateway. `act(connection, at)` is what each does from time to time."""

    # How one is begun, and what it does then.
    def __init__(self, gateway, many, begin, act):
        self.connections = [begin(gateway) for _ in range(many)]
        self.act = act
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._go_round, daemon=True)
        self.thread.start()

    def _go_round(self):
        at = 0
        while not self.over.wait(PACE):
            for connection in self.connections:
                self.act(connection, at)
            at += 1

    def stop(self):
        """Does no more."""
        self.over.set()
        self.thread.join(10)


def posting(gateway):
    connection = plain.connect(gateway)
    connection.sendall(HEAD + b"\r\n")
    return connection


def asking(gateway):
    """Has little room for an answer."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(10)
    connection.connect(("127.0.0.1", gateway.port))
    connection.sendall(plain.REQUEST)
    return connection


def nothing(_connection, _at):
    pass


def say_head(connection, at):
    text = HEAD + b"X: "
    plain.say(connection, text[at : at + 1] or b"a")


def say_body(connection, _at):
    plain.say(connection, b"a")


def say_hello(connection, at):
    """A ClientHello of 512 octets, as far as anybody can see."""
    text = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    plain.say(connection, text[at : at + 1] or b"\0")


def read_some(connection, _at):
    connection.setblocking(False)
    try:
        connection.recv(1000)
    except OSError:
        pass


# Whether it is TLS that is slow, how a client begins, and what it does then.
KINDS = {
    "header": (False, plain.begin, say_head),  # a head octet by octet that never ends
    "silent-body": (False, posting, nothing),  # a body of which nothing comes
    "body": (False, posting, say_body),  # a body octet by octet: 5 a second
    "reader": (False, asking, nothing),  # a large answer that is not read
    "slow-reader": (False, asking, read_some),  # a large answer that is read at 5,000 octets a second
    "no-hello": (True, plain.connect, nothing),  # TLS that never begins
    "half-hello": (True, plain.connect, say_hello),  # TLS whose first record comes octet by octet
}


class Large(Accepting):
    """An upstream that waits for the body of a POST, and answers a GET without an end."""

    def __init__(self):
        self.over = threading.Event()
        super().__init__(backlog=1024)

    def serve(self, connection):
        with connection:
            try:
                if connection.recv(65536).startswith(b"POST"):
                    while connection.recv(65536):
                        pass
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
                while not self.over.is_set():
                    connection.sendall(bytes(65536))
            except OSError:
                return

    def stop(self):
        self.over.set()
        super().stop()
