"""What the system lets a gateway have runs out: descriptors, memory. It lets others wait, lives, and recovers."""

import time
from pathlib import Path

import frames
import plain
import process
import pytest
import settings
import wire
from gateway import until
from peers import Recorder

FLOOD = 5000


def test_the_descriptor_limit_is_raised_at_the_start(start, tmp_path):
    config = settings.write(tmp_path / "g.toml")
    gateway = start("--config", config, under=["prlimit", "--nofile=64:512"])
    limits = Path(f"/proc/{gateway.process.pid}/limits").read_text()
    line = next(line for line in limits.splitlines() if line.startswith("Max open files"))
    assert line.split()[3:5] == ["512", "512"]


@pytest.mark.parametrize("limit", [64, 1024])
def test_without_descriptors_accepting_pauses_and_recovers(start, tmp_path, figure, limit):
    plain.room_for(FLOOD)
    upstream = Recorder()
    config = settings.write(tmp_path / "g.toml", upstream=upstream.url)
    gateway = start("--config", config, under=["prlimit", f"--nofile={limit}:{limit}"])
    before = process.descriptors(gateway.process.pid)
    early = plain.connect(gateway)
    flood = [plain.begin(gateway) for _ in range(FLOOD)]
    until("it says that it pauses", lambda: "few file descriptors are left" in gateway.errors())
    held = process.descriptors(gateway.process.pid)
    # No spinning while it pauses.
    cpu, wall = process.cpu_seconds(gateway.process.pid), time.monotonic()
    time.sleep(2)
    share = (process.cpu_seconds(gateway.process.pid) - cpu) / (time.monotonic() - wall)
    figure(f"descriptor limit {limit}: processor time while it pauses", f"{share:.1%}")
    figure(f"descriptor limit {limit}: open before, and while it pauses", f"{before}, {held}")
    assert share < 0.2
    # A quarter is left for upstreams, and they get it.
    assert held <= limit * 3 // 4 + 2
    early.sendall(plain.REQUEST)
    assert plain.status(plain.answer(early)) == 200
    plain.close([*flood, early])
    until("a request gets through", lambda: plain.ask(gateway) == 200, 30)
    until("all descriptors are free again", lambda: process.descriptors(gateway.process.pid) <= before + 8, 30)
    assert gateway.process.poll() is None
    upstream.stop()


def test_without_a_descriptor_for_an_upstream_it_is_503_and_not_the_upstreams_fault(start, tmp_path):
    upstream = Recorder()
    upstream.go.clear()
    # Hardly any is left alone, so that those of the clients are those that upstreams lack.
    config = settings.write(tmp_path / "g.toml", upstream=upstream.url, workers=1, reserved_descriptors=0)
    gateway = start("--config", config, under=["prlimit", "--nofile=64:64"])
    inside = [plain.connect(gateway) for _ in range(30)]
    for connection in inside:
        connection.sendall(plain.REQUEST)
    until("one is refused", lambda: "no descriptor" in gateway.errors())
    upstream.go.set()
    heard = [plain.answer(connection) for connection in inside]
    assert {plain.status(one) for one in heard} == {200, 503}
    refused = [one for one in heard if plain.status(one) == 503]
    assert all(b"retry-after:" in one.lower() for one in refused)
    assert gateway.errors().count("no descriptor") == len(refused)
    plain.close(inside)
    until("requests get through again", lambda: plain.ask(gateway) == 200)
    upstream.stop()


def large_heads(gateway):
    """A head of 60 KiB that does not end."""
    field = b"a" * 700
    connection = plain.connect(gateway)
    plain.say(connection, plain.REQUEST[:-2] + b"".join(b"X-%d: %s\r\n" % (at, field) for at in range(85)))
    return connection


def websockets(gateway):
    """The opening of a tunnel, and what is to go through it before it is open."""
    fields = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    connection = plain.connect(gateway)
    plain.say(connection, plain.REQUEST[:-2] + fields + key + b"\x82\xfe\xff\xff" + bytes(60_000))
    return connection


def streams(gateway):
    """Sixteen bodies on one HTTP/2 connection that nobody reads."""
    connection, window = frames.connect(gateway)
    connection.settimeout(5)
    frames.begin_bodies(connection, window, 16)
    return connection


def flood(gateway, begin):
    """As many as it takes until memory is short, and some more."""
    begun, enough = [], None
    for _ in range(6000):
        try:
            begun.append(begin(gateway))
        except OSError:
            pass  # It is turned away, which is what is asked for.
        if enough is None and "memory is short" in gateway.errors():
            enough = len(begun) + 50
        if enough is not None and len(begun) >= enough:
            break
    assert enough is not None, "memory was never short"
    return begun


MEBI = 1 << 20
FLOODS = {"large-heads": large_heads, "websockets": websockets, "streams": streams}


@pytest.mark.parametrize("how", ["budget", "address-space"])
@pytest.mark.parametrize("kind", FLOODS)
def test_with_little_memory_nothing_new_is_taken_in_and_all_recovers(start, tmp_path, figure, kind, how):
    plain.room_for(13_000)
    upstream = Recorder()
    upstream.go.clear()
    tls = kind == "streams"
    bounds = {"memory_bytes": 64 * MEBI if how == "budget" else 0}
    config = settings.write(tmp_path / "g.toml", upstream=upstream.url, workers=1, tls=tls, **bounds)
    gateway = start("--config", config)
    if how == "address-space":
        # Three quarters of the limit are what it reserves at rest, used or not, and a little: that is for floods.
        room = (process.addresses(gateway.process.pid) + 24 * MEBI) * 4 // 3
        gateway.stop()
        gateway = start("--config", config, under=["prlimit", f"--as={room}"])
    enter = wire.connect if tls else plain.connect
    early = [enter(gateway) for _ in range(60)]
    others = flood(gateway, FLOODS[kind])
    figure(f"memory while short, {kind}, by {how}", f"{process.resident(gateway.process.pid) / MEBI:.0f} MiB")
    # Those who were inside before are told to come back, but for a few.
    for connection in early:
        connection.sendall(plain.REQUEST)
    upstream.go.set()
    heard = [plain.answer(connection) for connection in early]
    assert {plain.status(one) for one in heard} <= {200, 503}
    refused = [one for one in heard if plain.status(one) == 503]
    assert refused and all(b"retry-after:" in one.lower() for one in refused)
    plain.close([*others, *early])
    until("requests get through again", lambda: all(asked(gateway, enter) == 200 for _ in range(40)), 30)
    assert gateway.process.poll() is None
    upstream.stop()


def test_connections_that_fill_up_all_at_once_do_not_end_the_process(start, tmp_path, figure):
    """They were let in while there was room for each, and together they may hold more than there is."""
    plain.room_for(4_000)
    config = settings.write(tmp_path / "g.toml", workers=1)
    gateway = start("--config", config)
    room = (process.addresses(gateway.process.pid) + 32 * MEBI) * 4 // 3
    gateway.stop()
    gateway = start("--config", config, under=["prlimit", f"--as={room}"])
    inside = [plain.connect(gateway) for _ in range(3000)]
    assert plain.ask(gateway) == 200
    for connection in inside:
        plain.say(connection, plain.REQUEST[:-2] + b"X: " + b"a" * 60_000)
    until("memory is short", lambda: "memory is short" in gateway.errors())
    figure("memory with 3,000 connections that hold 60 KB each", f"{process.resident(gateway.process.pid) / MEBI:.0f} MiB")
    plain.close(inside)
    until("requests get through again", lambda: all(plain.ask(gateway) == 200 for _ in range(40)), 30)
    assert gateway.process.poll() is None


def asked(gateway, enter):
    try:
        with enter(gateway) as connection:
            connection.sendall(plain.REQUEST)
            return plain.status(plain.answer(connection))
    except OSError:
        return None
