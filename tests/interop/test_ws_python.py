"""Python's `websockets` and this project's WebSockets understand each other, in both roles."""

import asyncio
import ssl

import pytest
import websocket
from judge import CODES, Judge
from peers import own_certificate
from websocket import TALK, TERMS
from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Close


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
    options = {"compression": None, "extensions": offer(terms), "max_size": 1 << 24, "ping_interval": None}
    return connect(server.url, ssl=tls, proxy=None, open_timeout=20, **options)


@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
@pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS)
def test_its_client_is_echoed(echo_server, own, terms, secure):
    own = own if secure else None
    server = echo_server(own=own)

    async def talk():
        async with client(server, terms, own) as socket:
            agreed = [extension.name for extension in socket.protocol.extensions]
            assert agreed == ([] if terms is None else ["permessage-deflate"])
            for message in TALK:
                await socket.send(message)
                assert await socket.recv() == message
            # In parts, each of which is a frame.
            await socket.send(["one ", "two ", "", "three"])
            assert await socket.recv() == "one two three"
            await (await socket.ping(b"are you there?"))
            await socket.close(4000, "enough")
            return socket.protocol.close_rcvd

    # Ours gives the code back, not the reason.
    assert asyncio.run(asyncio.wait_for(talk(), 60)) == Close(4000, "")


def test_its_client_may_pipeline(echo_server):
    server = echo_server()
    messages = [f"message {number}" for number in range(500)]

    async def talk():
        async with client(server, {}, None) as socket:
            for message in messages:
                await socket.send(message)
            return [await socket.recv() for _ in messages]

    assert asyncio.run(asyncio.wait_for(talk(), 60)) == messages


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
