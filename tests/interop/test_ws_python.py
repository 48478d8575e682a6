"""Python's `websockets` and this project's WebSockets understand each other, in both roles."""

import ssl

import pytest
import websocket
from judge import CODES, Judge
from peers import own_certificate
from websocket import TALK, TERMS
from websockets.exceptions import ConnectionClosedOK
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.sync.client import connect


def offer(terms):
    if terms is None:
        return None
    return [
        ClientPerMessageDeflateFactory(
            server_no_context_takeover=terms.get("serverNoContextTakeover", False),
            client_no_context_takeover=terms.get("clientNoContextTakeover", False),
            server_max_window_bits=terms.get("serverMaxWindowBits"),
            client_max_window_bits=terms.get("clientMaxWindowBits", True),
        )
    ]


def client(server, terms, own):
    tls = None if own is None else ssl.create_default_context(cafile=own[0])
    return connect(
        server.url, compression=None, extensions=offer(terms), ssl=tls, max_size=1 << 24, proxy=None, close_timeout=20
    )


@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
@pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS)
def test_its_client_is_echoed(echo_server, own, terms, secure):
    own = own if secure else None
    with client(echo_server(own=own), terms, own) as socket:
        agreed = [extension.name for extension in socket.protocol.extensions]
        assert agreed == ([] if terms is None else ["permessage-deflate"])
        for message in TALK:
            socket.send(message)
            assert socket.recv(20) == message
        # In parts, each of which is a frame.
        socket.send(["one ", "two ", "", "three"])
        assert socket.recv(20) == "one two three"
        assert socket.ping(b"are you there?").wait(20)
        socket.close(4000, "enough")
    received = socket.protocol.close_rcvd
    assert (received.code, received.reason) in [(4000, "enough"), (4000, "")]


def test_its_client_may_pipeline(echo_server):
    with client(echo_server(), {}, None) as socket:
        for number in range(500):
            socket.send(f"message {number}")
        assert [socket.recv(20) for _ in range(500)] == [f"message {number}" for number in range(500)]
        socket.close()
        with pytest.raises(ConnectionClosedOK):
            socket.recv(20)


@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
@pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS)
def test_its_server_is_echoed_by_our_client(tmp_path, terms, secure):
    tls, ca = None, None
    if secure:
        ca, key = own_certificate(tmp_path)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(ca, key)
    judge = Judge(terms, tls)
    try:
        ran = websocket.drive_client(judge.url, "gatepost", ca)
        assert judge.done.wait(10), ran.stderr
    finally:
        judge.stop()
    agreed = [] if terms is None else ["permessage-deflate"]
    expected = [(at + 1, [True] * len(TALK), agreed, code) for at, code in enumerate(CODES)]
    assert sorted(judge.verdicts) == expected
    assert ran.returncode == 0, ran.stderr
