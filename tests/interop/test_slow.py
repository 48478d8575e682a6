"""Slow clients of every kind, many at once: others are served meanwhile, and the slow ones are cut."""

import socket
import threading
import time

import plain
import process
import pytest
import settings
import wire
from gateway import until

SLOW = 500


class Drip:
    """Goes round slow connections, each with what it has to say, an octet at a time."""

    def __init__(self, connections, text):
        self.connections = connections
        self.text = text
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._drip, daemon=True)
        self.thread.start()

    def _drip(self):
        for at in range(len(self.text)):
            for connection in self.connections:
                plain.say(connection, self.text[at : at + 1])
            if self.over.wait(0.2):
                return

    def stop(self):
        self.over.set()
        self.thread.join(10)


HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"


def header(gateway):
    """A head that comes octet by octet and never ends."""
    return [plain.begin(gateway) for _ in range(SLOW)], HEAD + b"X: " + b"a" * 10_000


def silent_body(gateway):
    """A body of which nothing comes."""
    connections = [plain.connect(gateway) for _ in range(SLOW)]
    for connection in connections:
        connection.sendall(HEAD + b"\r\n")
    return connections, b""


def reader(gateway):
    """A large answer that nobody reads."""
    connections = []
    for _ in range(SLOW):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(10)
        connection.connect(("127.0.0.1", gateway.port))
        connection.sendall(plain.REQUEST)
        connections.append(connection)
    return connections, b""


def no_hello(gateway):
    """TLS that never begins."""
    return [plain.connect(gateway) for _ in range(SLOW)], b""


def half_hello(gateway):
    """TLS whose first record comes octet by octet and never ends."""
    return [plain.connect(gateway) for _ in range(SLOW)], b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(400)


KINDS = {"header": header, "silent-body": silent_body, "reader": reader, "no-hello": no_hello, "half-hello": half_hello}


@pytest.fixture
def large():
    """An upstream that waits for the body of a POST, and answers a GET without an end."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    over = threading.Event()

    def answer(connection):
        with connection:
            try:
                if connection.recv(65536).startswith(b"POST"):
                    while connection.recv(65536):
                        pass
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
                while not over.is_set():
                    connection.sendall(bytes(65536))
            except OSError:
                return

    def accept():
        while True:
            try:
                threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    over.set()
    listener.close()


@pytest.mark.parametrize("kind", KINDS)
def test_slow_clients_keep_nobody_waiting_and_are_cut(start, tmp_path, figure, large, kind):
    plain.room_for(SLOW * 3)
    tls = "hello" in kind
    short = dict(handshake_time="3s", head_time="3s", idle_time="3s", body_time="3s", send_time="3s")
    config = settings.write(tmp_path / "g.toml", upstream=large if kind in ("reader", "silent-body") else None, tls=tls, **short)
    gateway = start("--config", config)
    before, began = process.descriptors(gateway.process.pid), time.monotonic()
    slow, text = KINDS[kind](gateway)
    drip = Drip(slow, text)
    # Another client is served while they hang.
    enter = wire.connect if tls else plain.connect
    times = []
    for _ in range(20):
        asked = time.monotonic()
        with enter(gateway) as connection:
            connection.sendall(plain.REQUEST)
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
        times.append(time.monotonic() - asked)
    figure(f"answer beside {SLOW} slow clients, {kind}", f"{sorted(times)[len(times) // 2] * 1000:.1f} ms in the middle")
    # Not by reading: that would be what they are to be cut for not doing.
    until(f"all of {SLOW} are cut", lambda: process.descriptors(gateway.process.pid) <= before + 8, 40)
    figure(f"until {SLOW} were cut after 3 s, {kind}", f"{time.monotonic() - began:.1f} s")
    drip.stop()
    left = set(slow)

    def all_see_it():
        left.difference_update([connection for connection in left if plain.is_cut(connection)])
        return not left

    until("the slow clients see it", all_see_it)
    plain.close(slow)
    assert gateway.process.poll() is None
