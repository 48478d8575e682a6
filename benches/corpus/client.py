"""A client that sends octets as they are, and hears all that comes back."""

import re
import socket
import ssl
import time

QUIET = 0.3  # seconds of silence after a whole answer
PATIENCE = 2.0  # seconds that an answer may take


def connect(port, protocol=None):
    """In the clear, or with TLS and that protocol. Whose certificate it is does not matter on loopback."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if protocol is None:
        return plain
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([protocol])
    return context.wrap_socket(plain, server_hostname="localhost")


def exchange(connection, octets, answers):
    """(All that was heard, whether the other end closed). Reads until it closes, or stays silent when it owes nothing.

    A proxy that waits for more is told that there is none before it counts as hung. It is not told so at once, as some
    give a request up when its client says that it is done.
    """
    heard, told = b"", False
    with connection:
        try:
            connection.sendall(octets)
        except OSError:
            pass  # Refused before all was sent; the answer is still there to read.
        end = time.monotonic() + PATIENCE
        while True:
            connection.settimeout(QUIET if count(heard) >= answers or told else max(0.01, end - time.monotonic()))
            try:
                more = connection.recv(65536)
            except TimeoutError:
                if told and time.monotonic() > end:
                    return heard, False
                if not told:
                    told, end = True, time.monotonic() + PATIENCE
                    done(connection)
                continue
            except OSError:
                more = b""
            if not more:
                return heard, True
            heard += more


def done(connection):
    try:
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def count(heard):
    """How many whole answers there are; an interim one is none."""
    found = 0
    while (end := heard.find(b"\r\n\r\n")) >= 0:
        head = heard[:end].lower()
        length = re.search(rb"\r\ncontent-length: *(\d+)", head)
        rest = heard[end + 4 :]
        interim = head.startswith(b"http/1.1 1")
        size = 0 if interim or not length else int(length[1])
        if len(rest) < size:
            return found
        found, heard = found + (not interim), rest[size:]
    return found


def status(heard):
    """The status of the first answer that is not interim, as text; empty where there is none."""
    for found in re.finditer(rb"HTTP/1\.[01] (\d{3})", heard):
        if found[1][:1] != b"1":
            return found[1].decode()
    return ""
