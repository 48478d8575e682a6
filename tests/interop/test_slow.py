"""Slow clients of every kind, many at once: others are served meanwhile, and the slow ones are cut."""

import time

import plain
import process
import pytest
import settings
import slow
import wire
from gateway import until

SLOW = 500
SHORT = {name: "3s" for name in ["handshake_time", "head_time", "idle_time", "body_time", "send_time"]}
SHORT |= {"rate_grace": "3s", "read_rate": 20000}
KINDS = ["header", "silent-body", "body", "reader", "slow-reader", "no-hello", "half-hello"]


@pytest.fixture
def large():
    upstream = slow.Large()
    yield upstream
    upstream.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_slow_clients_keep_nobody_waiting_and_are_cut(start, tmp_path, figure, large, kind):
    plain.room_for(SLOW * 3)
    tls, begin, act = slow.KINDS[kind]
    gateway = start("--config", settings.write(tmp_path / "g.toml", upstream=large.url, tls=tls, **SHORT))
    before, began = process.descriptors(gateway.process.pid), time.monotonic()
    clients = slow.Slow(gateway, SLOW, begin, act)
    # Another client is served while they hang.
    enter = wire.connect if tls else plain.connect
    for _ in range(20):
        with enter(gateway) as connection:
            connection.sendall(plain.REQUEST)
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
    # Not by reading: that would be what some are to be cut for not doing.
    until(f"all of {SLOW} are cut", lambda: process.descriptors(gateway.process.pid) <= before + 8, 40)
    figure(f"until {SLOW} were cut after 3 s, {kind}", f"{time.monotonic() - began:.1f} s")
    clients.stop()
    left = set(clients.connections)

    def all_see_it():
        left.difference_update([connection for connection in left if plain.is_cut(connection)])
        return not left

    until("the slow clients see it", all_see_it)
    plain.close(clients.connections)
    assert gateway.process.poll() is None
