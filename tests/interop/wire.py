"""Requests that no client library would send, over a real TLS connection."""

import socket
import ssl
import subprocess


def trust(gateway):
    """A TLS context that trusts the gateway's authority and nothing else."""
    return ssl.create_default_context(cafile=gateway.ca)


def connect(gateway):
    """A TLS connection with HTTP/1.1, names checked."""
    plain = socket.create_connection(("127.0.0.1", gateway.port), timeout=10)
    context = trust(gateway)
    context.set_alpn_protocols(["http/1.1"])
    return context.wrap_socket(plain, server_hostname="localhost")


def exchange(gateway, request):
    """Sends bytes as they are and returns all that comes back.

    Until the other end closes; or, where it keeps the connection, until it stays silent after a whole answer.
    """
    with connect(gateway) as connection:
        try:
            connection.sendall(request)
        except OSError:
            pass  # Refused before all was sent; the answer is still there to read.
        answer = b""
        try:
            while True:
                connection.settimeout(0.3 if is_whole(answer) else 10)
                more = connection.recv(65536)
                if not more:
                    return answer
                answer += more
        except OSError:
            return answer


def is_whole(answer):
    """Does it hold a head and as many octets as that announces?"""
    head, end, body = answer.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(end) and len(body) >= int(lengths[0] if lengths else 0)


def status(answer):
    """The status code of the first answer, `None` where there is none."""
    words = answer.split(b"\r\n", 1)[0].split(b" ")
    return int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/") else None


def head(target="/", fields=(), method="GET"):
    """A request head with exactly these fields, as they are spelled."""
    lines = [f"{method} {target} HTTP/1.1", *[f"{name}: {value}" for name, value in fields]]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def curl(gateway, *words, path="/"):
    """curl with the gateway's authority. Returns (status, body), or (`exit code` negated, '')."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", "20", "--cacert", gateway.ca, "--write-out", "\n%{http_code}"]
        + [*words, gateway.url + path],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if done.returncode != 0:
        return -done.returncode, done.stderr
    body, code = done.stdout.rsplit("\n", 1)
    return int(code), body


def as_options(fields):
    """Fields as curl options."""
    return [word for name, value in fields.items() for word in ("--header", f"{name}: {value}")]
