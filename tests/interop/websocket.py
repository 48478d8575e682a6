"""This project's WebSocket examples as processes, frames by hand, and the talk that every pair of peers has."""

import base64
import os
import select
import socket
import ssl
import struct
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlsplit

LISTENS = "listening on "

# Every way to write a length, nothing at all, and characters of two, three and four octets.
TALK = [
    "",
    "hä€𐍈",
    b"",
    bytes(range(256)),
    "a" * 125,
    "b" * 126,
    b"\x00\xff" * 32767 + b"!",
    b"\x80" * 65536,
    "€" * 200_000,
]

# What npm's `ws` calls the terms of permessage-deflate. `None` offers or takes none.
TERMS = {
    "plain": None,
    "deflate": {},
    "fresh": {"serverNoContextTakeover": True, "clientNoContextTakeover": True},
    "small": {"serverMaxWindowBits": 10, "clientMaxWindowBits": 10},
}


def example(name):
    """Where cargo put an example, which `cargo xtask test` says."""
    folder = os.environ.get("GATEPOST_EXAMPLES")
    if not folder:
        raise RuntimeError("GATEPOST_EXAMPLES must name the folder of the built examples")
    return str(Path(folder).resolve() / name)


class Listening:
    """A program whose first line is `listening on URL`, until it is stopped."""

    def __init__(self, folder, *words, env=None):
        self.errors = Path(folder) / "listening.err"
        with open(self.errors, "ab") as errors:
            self.process = subprocess.Popen(
                [str(word) for word in words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=env,
            )
        ready, _, _ = select.select([self.process.stdout], [], [], 20)
        line = self.process.stdout.readline().strip() if ready else ""
        if not line.startswith(LISTENS):
            self.stop()
            raise AssertionError(f"{words[0]} said `{line}`: {self.errors.read_text()}")
        # The certificates of these tests are made out to a name.
        self.url = line.removeprefix(LISTENS).replace("wss://127.0.0.1", "wss://localhost")
        self.lines = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.strip())

    @property
    def pid(self):
        return self.process.pid

    @property
    def port(self):
        return urlsplit(self.url).port

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)


class EchoServer(Listening):
    """The example `ws_echo_server`. With `own`, a certificate and its key, over TLS."""

    def __init__(self, folder, *words, own=None):
        tls = ["--cert", own[0], "--key", own[1]] if own else []
        super().__init__(folder, example("ws_echo_server"), *tls, *words, "127.0.0.1:0")


def drive_client(url, agent, ca=None):
    """The example `ws_conformance_client` through all cases of a judge, to its end."""
    tls = ["--ca", str(ca)] if ca else []
    return subprocess.run(
        [example("ws_conformance_client"), *tls, url, agent], capture_output=True, text=True, timeout=120, check=False
    )


class Raw:
    """A client that says on the wire what it likes."""

    def __init__(self, url, extensions=None, ca=None):
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), 20)
        self.socket.settimeout(20)
        if parts.scheme == "wss":
            self.socket = ssl.create_default_context(cafile=ca).wrap_socket(self.socket, server_hostname=parts.hostname)
        offer = f"Sec-WebSocket-Extensions: {extensions}\r\n" if extensions else ""
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET / HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{offer}"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            more = self.socket.recv(65536)
            assert more, f"no answer to the handshake: {self.buffer}"
            self.buffer += more
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        self.head = head.decode("latin-1")
        assert self.head.startswith("HTTP/1.1 101 "), self.head

    def send(self, octets):
        self.socket.sendall(octets)

    def frame(self):
        """The next frame as (first octet, payload); `None` where the server ended the connection."""
        head = self._exactly(2)
        if head is None:
            return None
        length = head[1] & 127
        if length >= 126:
            form, size = ("!H", 2) if length == 126 else ("!Q", 8)
            (length,) = struct.unpack(form, self._exactly(size))
        return head[0], self._exactly(length)

    def close_code(self):
        """The code of the server's Close, after whatever else it still says."""
        while (frame := self.frame()) is not None:
            first, payload = frame
            if first & 15 == 8:
                return struct.unpack("!H", payload[:2])[0]
        return None

    def _exactly(self, count):
        parts = [self.buffer]
        have = len(self.buffer)
        while have < count:
            try:
                more = self.socket.recv(1 << 18)
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            parts.append(more)
            have += len(more)
        whole = b"".join(parts)
        self.buffer = whole[count:]
        return whole[:count]

    def close(self):
        self.socket.close()


def frame(first, payload=b"", declared=None):
    """A client's frame, masked with zeros. `declared` is the length to write where it is not the payload's."""
    length = len(payload) if declared is None else declared
    if length < 126:
        head = struct.pack("!BB", first, 128 | length)
    elif length < 65536:
        head = struct.pack("!BBH", first, 128 | 126, length)
    else:
        head = struct.pack("!BBQ", first, 128 | 127, length)
    return head + bytes(4) + payload
