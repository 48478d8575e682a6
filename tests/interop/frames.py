"""HTTP/2 by hand, as far as a flood needs it (RFC 9113)."""

import socket
import struct

import wire

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, WINDOW_UPDATE = 0, 1, 4, 8
# POST, https, `/` of the static table (RFC 7541, appendix A), and a literal authority.
POST = b"\x83\x87\x84\x41\x09localhost"


def frame(kind, payload=b"", stream=0, flags=0):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def connect(gateway):
    """An HTTP/2 connection, and how many octets of bodies may be sent on it."""
    context = wire.trust(gateway)
    context.set_alpn_protocols(["h2"])
    plain = socket.create_connection(("127.0.0.1", gateway.port), timeout=10)
    connection = context.wrap_socket(plain, server_hostname="localhost")
    connection.sendall(PREFACE + frame(SETTINGS))
    heard, window, settled = b"", 65_535, False
    connection.settimeout(0.2)
    while True:
        try:
            heard += connection.recv(65536)
        except TimeoutError:
            return connection, window
        while len(heard) >= 9 and len(heard) >= 9 + int.from_bytes(heard[:3], "big"):
            length, kind, stream = int.from_bytes(heard[:3], "big"), heard[3], int.from_bytes(heard[5:9], "big")
            if kind == WINDOW_UPDATE and stream == 0:
                window += int.from_bytes(heard[9:13], "big")
            settled |= kind == SETTINGS and heard[4] == 0
            heard = heard[9 + length :]
        if settled and window > 65_535:
            return connection, window


def begin_bodies(connection, window, streams):
    """Opens streams whose bodies never end, and sends as much of them as their windows (64 KiB each) allow."""
    part = 16_000
    for stream in range(1, 2 * streams, 2):
        connection.sendall(frame(HEADERS, POST, stream, flags=4))
        for _ in range(min(4, window // part)):
            connection.sendall(frame(DATA, bytes(part), stream))
            window -= part
