"""HTTP/1.1 over plain connections, many at a time."""

import resource
import socket

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def room_for(connections):
    """Raises this process's limit of descriptors, so that it can hold so many connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + 200
    if soft != resource.RLIM_INFINITY and soft < wanted:
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def begin(gateway):
    """A connection that does not wait to be accepted."""
    connection = socket.socket()
    connection.setblocking(False)
    connection.connect_ex(("127.0.0.1", gateway.port))
    return connection


def connect(gateway, timeout=10):
    return socket.create_connection(("127.0.0.1", gateway.port), timeout=timeout)


def say(connection, data):
    """Sends what can be sent now. Returns how much that was; 0 also where the other end has left."""
    try:
        return connection.send(data)
    except OSError:
        return 0


def answer(connection):
    """Reads one answer with a Content-Length; what came so far if the other end closes before its end."""
    heard = b""
    while True:
        head, end, body = heard.partition(b"\r\n\r\n")
        lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if end and lengths and len(body) >= int(lengths[0]):
            return heard
        try:
            more = connection.recv(65536)
        except OSError:
            return heard
        if not more:
            return heard
        heard += more


def status(heard):
    """Its status code, `None` where there is none."""
    words = heard.split(b"\r\n", 1)[0].split(b" ")
    return int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/") else None


def ask(gateway, request=REQUEST, timeout=10):
    """The status of one request on a connection of its own, `None` if there is no answer."""
    try:
        with connect(gateway, timeout) as connection:
            connection.sendall(request)
            return status(answer(connection))
    except OSError:
        return None


def is_cut(connection):
    """Whether the other end has ended it. Reads what there is until then, without waiting."""
    connection.setblocking(False)
    try:
        while connection.recv(1 << 20):
            pass
        return True
    except BlockingIOError:
        return False
    except OSError:
        return True


def close(connections):
    for connection in connections:
        connection.close()
