"""Chromium speaks WebSocket with this project's server, over HTTP/1.1 and over HTTP/2 (RFC 8441)."""

import pytest
from browser import browse

SEND = [{"text": "hä"}, {"text": ""}, {"octets": 125}, {"octets": 70_000}, {"letters": 3_000_000}]
CLOSES = [[], [1000, "enough"], [3000, ""], [4999, "why"]]
VERSIONS = {"http/1.1": ["--disable-http2"], "h2": []}


def expected(close, deflate):
    # A page is told what the server's Close says, and ours gives the code back, not the reason (RFC 6455 §5.5.1).
    return {
        "opened": True,
        "echoes": [True] * len(SEND),
        "error": False,
        "extensions": "permessage-deflate" if deflate else "",
        "subprotocol": "",
        "code": close[0] if close else 1005,
        "reason": "",
        "wasClean": True,
    }


@pytest.mark.parametrize("deflate", ["on", "off"])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_page_is_echoed(echo_server, own, version, deflate):
    server = echo_server("--deflate", deflate, own=own)
    sockets = [{"url": server.url, "send": SEND, "close": close} for close in CLOSES]
    seen = browse(server.url.replace("wss:", "https:"), sockets, VERSIONS[version])
    assert (seen["status"], seen["protocol"]) == (200, version)
    assert [one | {"extensions": one["extensions"].split(";")[0]} for one in seen["sockets"]] == [
        expected(close, deflate == "on") for close in CLOSES
    ]
    # An upgrade is answered with 101, an extended CONNECT with 200: RFC 8441 §5.
    assert seen["handshakes"] == [200 if version == "h2" else 101] * len(CLOSES)
