"""What a hostile client costs a WebSocket server: little."""

import contextlib
import resource
import zlib
from pathlib import Path

import process
import pytest
from gateway import until
from websocket import Raw, frame

LIMIT = 16 << 20  # octets of a message, as the server has it by default
MIB = 1 << 20


def forget_peak(pid):
    """Sets the highest resident size to the present one: proc(5), clear_refs."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak(pid):
    return process.status(pid, "VmHWM:")


@contextlib.contextmanager
def grows_by_less_than(server, octets, figure, name):
    """Whatever happens inside, the server's memory stays below what it was and `octets` more."""
    # What a first connection needs of the program itself is no matter of the attack.
    warm = Raw(server.url, "permessage-deflate")
    warm.send(frame(0x82, b"warm"))
    assert warm.frame()[0] & 15 == 2
    warm.close()
    before = process.resident(server.pid)
    forget_peak(server.pid)
    yield
    grown = peak(server.pid) - before
    figure(f"{name}: memory above what it was", f"{grown / MIB:.2f} MiB")
    assert grown < octets


def test_a_message_in_65537_frames_is_no_trouble(echo_server, figure):
    server = echo_server()
    count = 65_537
    middle = frame(0x00, b"*") * (count - 2)
    whole = frame(0x02, b"*") + middle + frame(0x80, b"*")
    client = Raw(server.url)
    before = process.cpu_seconds(server.pid)
    client.send(whole)
    first, payload = client.frame()
    assert (first, payload) == (0x82, b"*" * count)
    figure("a message in 65,537 frames: CPU of the build for tests", f"{process.cpu_seconds(server.pid) - before:.2f} s")


def test_a_bomb_is_defused_while_it_is_inflated(echo_server, figure):
    server = echo_server()
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = squeeze.compress(bytes(64 << 20)) + squeeze.flush(zlib.Z_SYNC_FLUSH)
    bomb = bomb.removesuffix(b"\x00\x00\xff\xff")
    assert len(bomb) < MIB
    with grows_by_less_than(server, LIMIT + MIB, figure, "a 64 MiB bomb"):
        client = Raw(server.url, "permessage-deflate")
        client.send(frame(0xC2, bomb))
        assert client.close_code() == 1009


@pytest.mark.parametrize("declared", [LIMIT + (1 << 20), 1 << 40, (1 << 63) - 1])
def test_a_length_beyond_the_limit_is_refused_before_anything_comes(echo_server, figure, declared):
    server = echo_server()
    with grows_by_less_than(server, MIB, figure, f"{declared:,} declared octets"):
        client = Raw(server.url)
        client.send(frame(0x82, declared=declared))
        assert client.close_code() == 1009


def test_fragments_count_together(echo_server, figure):
    server = echo_server()
    part = bytes(MIB)
    with grows_by_less_than(server, LIMIT + 2 * MIB, figure, "17 MiB in fragments"):
        client = Raw(server.url)
        client.send(frame(0x02, part))
        for _ in range(15):
            client.send(frame(0x00, part))
        client.send(frame(0x00, b"*" * (MIB + 1)))
        assert client.close_code() == 1009


def test_pongs_that_nobody_reads_do_not_heap_up(echo_server, figure):
    server = echo_server()
    pings = frame(0x89, b"?" * 125) * 1000
    with grows_by_less_than(server, 2 * MIB, figure, "13 MB of pings without reading"):
        client = Raw(server.url)
        client.socket.settimeout(2)
        # It may answer the newest only, stop reading, or end it as a flood (1008); none of them costs memory.
        with contextlib.suppress(OSError):
            for _ in range(100):
                client.send(pings)
    other = Raw(server.url)
    other.send(frame(0x81, b"still there?"))
    assert other.frame() == (0x81, b"still there?")


def test_a_flood_of_pings_ends_with_1008(echo_server):
    client = Raw(echo_server().url)
    with contextlib.suppress(OSError):
        client.send(frame(0x89) * 10_000)
    assert client.close_code() == 1008


FAULTS = {
    "a reserved bit": (frame(0xD2, b"x"), 1002),
    "an unknown opcode": (frame(0x83, b"x"), 1002),
    "no mask": (b"\x82\x01x", 1002),
    "a fragmented ping": (frame(0x09, b"x"), 1002),
    "a ping of 126 octets": (frame(0x89, b"x" * 126), 1002),
    "a continuation of nothing": (frame(0x80, b"x"), 1002),
    "a length that is not minimal": (b"\x82\xfe\x00\x01\x00\x00\x00\x00x", 1002),
    "text that is not UTF-8": (frame(0x81, b"\xc0\xaf"), 1007),
    "half a character at the end": (frame(0x81, b"\xe2\x82"), 1007),
    "the first bad octet of an unfinished message": (frame(0x01, b"\xff"), 1007),
    "a close code that nobody may send": (frame(0x88, b"\x03\xed"), 1002),
    "a close of one octet": (frame(0x88, b"\x03"), 1002),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_answered_with_its_code(echo_server, name):
    octets, code = FAULTS[name]
    client = Raw(echo_server().url)
    client.send(octets)
    assert client.close_code() == code


def test_idle_connections_weigh_little(echo_server, figure):
    # As many as the limit of descriptors allows; what one weighs in a release build is in benches/ws.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    server = echo_server()
    clients = [Raw(server.url, "permessage-deflate") for _ in range(min(500, soft // 4))]
    before = process.resident(server.pid)
    clients += [Raw(server.url, "permessage-deflate") for _ in range(len(clients))]
    each = (process.resident(server.pid) - before) / (len(clients) // 2)
    figure("an idle WebSocket in the build for tests", f"{each:,.0f} octets")
    for client in clients:
        client.close()
    until("the server closes them", lambda: process.descriptors(server.pid) < 100)
