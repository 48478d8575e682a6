"""WebSockets through the gateway, as a tunnel and frame by frame, with clients and servers that others wrote."""

import asyncio
import json
import ssl
import subprocess

import pytest
import settings
from browser import browse, node
from test_ws_browser import CLOSES, SEND, VERSIONS, expected
from test_ws_node import SPELLED, agreed
from test_ws_python import offer
from websocket import TALK, TERMS, Raw, frame
from websockets.asyncio.client import connect
from websockets.frames import Close

RELAY = ['websocket = "relay"', "[route.relay]"]
ROUTES = {
    "tunnel": ['websocket = "tunnel"'],
    "relay": [*RELAY, "client_deflate = true", "upstream_deflate = false"],
    "relay-deflates-twice": [*RELAY, "client_deflate = true", "upstream_deflate = true"],
    "relay-deflates-behind": [*RELAY, "client_deflate = false", "upstream_deflate = true"],
}


@pytest.fixture
def gateway(start, echo_server, tmp_path):
    """Starts one in front of our echo server: `gateway(route, tls)`."""

    def begin(route, tls):
        upstream = echo_server().url.replace("ws:", "http:")
        config = settings.write(tmp_path / "gatepost.toml", upstream, tls=tls, route=ROUTES[route])
        return start("--config", config)

    return begin


# Every way once with compression, and every term of it on one.
TALKS = [(route, "deflate", tls) for route in ROUTES for tls in (False, True)]
TALKS += [("relay-deflates-twice", name, True) for name in TERMS if name != "deflate"]


def deflates(route, terms):
    return terms is not None and route != "relay-deflates-behind"


@pytest.mark.parametrize(("route", "name", "tls"), TALKS)
def test_a_client_in_node_is_echoed(gateway, route, name, tls):
    terms = TERMS[name]
    through = gateway(route, tls)
    wanted = {"url": through.url.replace("http", "ws"), "terms": terms, "talk": SPELLED, "close": [4000, "enough"]}
    wanted["ca"] = through.ca if tls else None
    ran = subprocess.run(
        node("client.mjs"), input=json.dumps(wanted), capture_output=True, text=True, timeout=60, check=False
    )
    said = json.loads(ran.stdout)
    assert said == {
        "echoes": [True] * len(TALK),
        "extensions": agreed(terms) if deflates(route, terms) else "",
        "code": 4000,
        "reason": "",
    }


@pytest.mark.parametrize("route", ROUTES)
def test_pythons_server_is_reached(start, echo, tmp_path, route):
    config = settings.write(tmp_path / "gatepost.toml", echo.url, tls=True, route=ROUTES[route])
    through = start("--config", config)

    async def talk():
        tls = ssl.create_default_context(cafile=through.ca)
        options = {"compression": None, "extensions": offer({}), "max_size": 1 << 24, "open_timeout": 20}
        async with connect(through.url.replace("https", "wss"), ssl=tls, proxy=None, **options) as socket:
            for message in TALK:
                await socket.send(message)
                assert await socket.recv() == message
            await (await socket.ping(b"who answers?"))
            await socket.close(3001, "enough")
            return socket.protocol.close_rcvd

    assert asyncio.run(asyncio.wait_for(talk(), 60)).code == Close(3001, "").code
    assert len(echo.handshakes) == 1


@pytest.mark.parametrize("route", ["tunnel", "relay", "relay-deflates-twice"])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_page_is_echoed(gateway, route, version):
    through = gateway(route, True)
    sockets = [{"url": through.url.replace("https", "wss"), "send": SEND, "close": close} for close in CLOSES]
    seen = browse(through.url, sockets, VERSIONS[version])
    assert (seen["status"], seen["protocol"]) == (200, version)
    assert [one | {"extensions": one["extensions"].split(";")[0]} for one in seen["sockets"]] == [
        expected(close, deflates(route, {})) for close in CLOSES
    ]
    assert seen["handshakes"] == [200 if version == "h2" else 101] * len(CLOSES)


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (frame(0x82, declared=1 << 40), 1009),
        (frame(0x01, b"\xff"), 1007),
        (frame(0x83, b"x"), 1002),
        (frame(0x89) * 10_000, 1008),
    ],
    ids=["too long", "not text", "no opcode", "a flood of pings"],
)
def test_a_relay_holds_what_a_tunnel_cannot(gateway, octets, code):
    client = Raw(gateway("relay", False).url.replace("http", "ws"))
    try:
        client.send(octets)
    except OSError:
        pass
    assert client.close_code() == code
