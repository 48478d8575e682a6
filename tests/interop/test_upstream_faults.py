"""Whatever an upstream does wrong: a truncated answer never looks complete, and nobody gets the answer of another."""

import socket
import time

import plain
import process
import pytest
import settings
from faulty import Faulty
from gateway import until

TRUNCATED_LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody"


@pytest.fixture
def behind(start, tmp_path):
    """`behind(act)` gives a gateway before an upstream that does that, and the upstream."""
    upstreams = []

    def begin(act, **limits):
        upstreams.append(Faulty(act))
        config = settings.write(tmp_path / "g.toml", upstream=upstreams[-1].url, workers=1, **limits)
        return start("--config", config), upstreams[-1]

    yield begin
    for upstream in upstreams:
        upstream.stop()


def raw(gateway, request=plain.REQUEST, seconds=15):
    """All that comes for a request until the gateway closes."""
    with plain.connect(gateway, seconds) as connection:
        connection.sendall(request.replace(b"Host:", b"Connection: close\r\nHost:"))
        heard = b""
        try:
            while more := connection.recv(65536):
                heard += more
        except ConnectionError:
            pass  # A reset: how a truncated answer may end.
        return heard


def is_complete(heard):
    """Would a client take it for a whole answer?"""
    head, end, body = heard.partition(b"\r\n\r\n")
    head = head.lower()
    if not end:
        return False
    if b"transfer-encoding: chunked" in head:
        return body.endswith(b"0\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
    return not lengths or len(body) >= int(lengths[0])


def then_reset(words):
    return lambda upstream: upstream.say(words) and upstream.reset()


def then_close(words):
    return lambda upstream: not upstream.say(words)


NO_HEAD = {
    "nothing-reset": then_reset(b""),
    "nothing-close": then_close(b""),
    "mid-header-reset": then_reset(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "mid-header-close": then_close(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "two-lengths": then_close(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbodyx"),
    "length-and-chunked": then_close(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "wrong-length": then_close(b"HTTP/1.1 200 OK\r\nContent-Length: +4\r\n\r\nbody"),
    "not-http": then_close(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
}


@pytest.mark.parametrize("request_", [plain.REQUEST, POST], ids=["GET", "POST"])
@pytest.mark.parametrize("fault", NO_HEAD)
def test_without_a_whole_head_it_is_502_with_a_reason_and_not_sent_twice(behind, fault, request_):
    gateway, upstream = behind(NO_HEAD[fault])
    heard = raw(gateway, request_)
    assert plain.status(heard) == 502 and is_complete(heard), heard
    assert b"upstream" in heard.partition(b"\r\n\r\n")[2]
    assert len(upstream.heads) == 1


BROKEN_OFF = {
    "mid-body-close": TRUNCATED_LENGTH,
    "mid-chunk-close": CHUNKED + b"10\r\nhalf",
    "mid-chunk-size-close": CHUNKED + b"4\r\nhalf\r\n1",
    "no-last-chunk-close": CHUNKED + b"4\r\nhalf\r\n",
    "no-end-of-trailers": CHUNKED + b"4\r\nhalf\r\n0\r\nX: y\r\n",
}
TRUNCATED = {
    "mid-body-reset": then_reset(TRUNCATED_LENGTH),
    "mid-chunk-reset": then_reset(CHUNKED + b"10\r\nhalf"),
    **{fault: then_close(words) for fault, words in BROKEN_OFF.items()},
    "bad-chunk-size": then_close(CHUNKED + b"4\r\nhalf\r\nfour\r\nhalf\r\n0\r\n\r\n"),
    "to-the-end-reset": lambda upstream: upstream.say(b"HTTP/1.1 200 OK\r\n\r\nhalf") and not time.sleep(0.3) and upstream.reset(),
}


@pytest.mark.parametrize("fault", TRUNCATED)
def test_a_truncated_answer_never_looks_complete(behind, fault):
    gateway, upstream = behind(TRUNCATED[fault])
    heard = raw(gateway)
    # Where the fault is seen before anything went out, a 502 of ours is as good.
    assert plain.status(heard) == 502 or not is_complete(heard), heard
    assert len(upstream.heads) == 1
    assert gateway.process.poll() is None


def in_one_packet(words):
    """What it says and its end arrive together: nothing of an answer can have gone on before."""

    def act(upstream):
        upstream.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        return not upstream.say(words)

    return act


@pytest.mark.parametrize("fault", BROKEN_OFF)
def test_an_answer_that_breaks_off_before_its_head_went_on_is_502_and_one_event(behind, fault):
    gateway, upstream = behind(in_one_packet(BROKEN_OFF[fault]))
    heard = raw(gateway)
    assert plain.status(heard) == 502 and is_complete(heard), heard
    assert b"half" not in heard
    assert len(upstream.heads) == 1
    until("it is told", lambda: "closed before the answer" in gateway.errors())
    assert gateway.errors().count("closed before the answer") == 1


def test_an_upstream_that_never_answers_is_504(behind):
    gateway, upstream = behind(lambda upstream: upstream.until_left(), answer_time="1s")
    heard = raw(gateway)
    assert plain.status(heard) == 504 and is_complete(heard), heard
    assert len(upstream.heads) == 1


def octet_by_octet(upstream):
    for octet in b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n":
        upstream.say(bytes([octet]))
        time.sleep(0.2)
    return True


def test_a_head_octet_by_octet_is_504(behind):
    gateway, upstream = behind(octet_by_octet, answer_time="1s")
    assert plain.status(raw(gateway)) == 504
    assert len(upstream.heads) == 1


def test_a_body_octet_by_octet_arrives(behind):
    def act(upstream):
        upstream.say(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
        return all(not time.sleep(0.2) and upstream.say(b"a") for _ in range(8))

    gateway, _ = behind(act, answer_time="1s")
    heard = raw(gateway)
    assert plain.status(heard) == 200 and heard.endswith(b"\r\n\r\naaaaaaaa"), heard


@pytest.mark.parametrize("request_", [plain.REQUEST, POST], ids=["GET", "POST"])
def test_a_pooled_connection_that_was_closed_is_not_used_again(behind, request_):
    gateway, upstream = behind(lambda upstream: upstream.whole() and False)
    for number in range(1, 4):
        assert plain.ask(gateway, request_) == 200
        until("the upstream has closed", lambda: len(upstream.heads) == number)
        time.sleep(0.1)
    assert (len(upstream.heads), upstream.connections) == (3, 3)


@pytest.mark.parametrize("request_", [plain.REQUEST, POST], ids=["GET", "POST"])
def test_a_request_that_may_have_been_acted_on_is_not_sent_twice(behind, request_):
    """The pooled connection closes as the next request arrives on it: the upstream has read that."""

    def act(upstream):
        return upstream.number != 2 and upstream.whole()

    gateway, upstream = behind(act)
    assert plain.ask(gateway) == 200
    assert plain.ask(gateway, request_) == 502
    assert len(upstream.heads) == 2
    assert plain.ask(gateway, request_) == 200


WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
SURPLUS = {
    "two-answers": WHOLE % (5, b"whole") + WHOLE % (7, b"another"),
    "more-than-its-length": WHOLE % (5, b"whole" + b"surplus"),
    "more-than-its-chunks": CHUNKED + b"5\r\nwhole\r\n0\r\n\r\nsurplus",
    "body-of-a-204": b"HTTP/1.1 204 No Content\r\n\r\nsurplus",
    "body-of-a-304": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\nsurplus",
}


@pytest.mark.parametrize("fault", SURPLUS)
def test_a_connection_with_surplus_octets_is_thrown_away(behind, fault):
    gateway, upstream = behind(lambda upstream: upstream.say(SURPLUS[fault]) if upstream.number == 1 else upstream.whole(b"right"))
    with plain.connect(gateway) as connection:
        connection.sendall(plain.REQUEST)
        first = connection.recv(65536)
        assert plain.status(first) in (200, 204, 304)
        assert b"surplus" not in first and b"another" not in first
        time.sleep(0.2)
    heard = raw(gateway)
    assert plain.status(heard) == 200 and heard.endswith(b"right"), heard
    assert upstream.connections == 2


def test_what_a_pooled_connection_says_while_it_idles_is_nobodys_answer(behind):
    def act(upstream):
        upstream.whole(b"right")
        time.sleep(0.2)
        return upstream.say(WHOLE % (5, b"wrong")) if upstream.number == 1 else True

    gateway, upstream = behind(act)
    assert raw(gateway).endswith(b"right")
    time.sleep(0.5)
    assert raw(gateway).endswith(b"right")
    assert upstream.connections == 2


def test_an_endless_header_is_502_and_costs_no_memory(behind, figure):
    def act(upstream):
        upstream.say(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(100):
            upstream.say(b"a" * (1 << 20))
        return upstream.say(b"\r\n\r\n")

    gateway, _ = behind(act)
    before = process.resident(gateway.process.pid)
    heard = raw(gateway)
    assert plain.status(heard) == 502 and is_complete(heard), heard
    grown = (process.resident(gateway.process.pid) - before) / (1 << 20)
    figure("memory more after a header of 100 MB", f"{grown:.1f} MiB")
    assert grown < 16


# A client that vanishes.

TIMES = 1000


def mid_upload(gateway):
    connection = plain.connect(gateway)
    connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n" + bytes(1000))
    return connection


def mid_download(gateway):
    connection = plain.connect(gateway)
    connection.sendall(plain.REQUEST)
    return connection


def endless(upstream):
    """Waits for the body of a POST; answers a GET, but never to the end."""
    if upstream.asked.startswith(b"POST"):
        return upstream.until_left()
    upstream.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
    while True:
        upstream.say(bytes(16_384))


@pytest.mark.parametrize("leave", [mid_upload, mid_download])
def test_a_client_that_vanishes_takes_its_request_along(behind, figure, leave):
    plain.room_for(600)
    gateway, upstream = behind(endless)
    pid = gateway.process.pid

    def vanish(times):
        """So many clients, 50 at a time. The longest that it took until the upstream saw that they were gone."""
        longest = 0.0
        for _ in range(times // 50):
            begun, ended = len(upstream.heads), len(upstream.ended)
            clients = [leave(gateway) for _ in range(50)]
            until("the upstream has their requests", lambda: len(upstream.heads) == begun + 50)
            left = time.monotonic()
            plain.close(clients)
            until("the upstream sees that they are gone", lambda: len(upstream.ended) == ended + 50)
            longest = max(longest, time.monotonic() - left)
        return longest

    vanish(100)
    before = (process.descriptors(pid), process.resident(pid))
    longest = vanish(TIMES)
    figure(f"until the upstream saw 50 clients vanish, {leave.__name__}", f"{longest:.2f} s at most")
    until("the descriptors are free again", lambda: process.descriptors(pid) <= before[0] + 4)
    grown = (process.resident(pid) - before[1]) / (1 << 20)
    figure(f"memory more after {TIMES} clients vanished, {leave.__name__}", f"{grown:.1f} MiB")
    assert grown < 16
    assert gateway.process.poll() is None
