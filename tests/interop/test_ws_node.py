"""npm's `ws` and this project's WebSockets understand each other, in both roles."""

import base64
import json
import subprocess

import pytest
import websocket
from browser import node
from gateway import until
from judge import CODES
from websocket import TALK, TERMS, Listening

SPELLED = [
    {"text": message} if isinstance(message, str) else {"base64": base64.b64encode(message).decode()} for message in TALK
]


def agreed(terms):
    return "" if terms is None else "permessage-deflate"


@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
@pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS)
def test_its_client_is_echoed(echo_server, own, terms, secure):
    own = own if secure else None
    server = echo_server(own=own)
    wanted = {"url": server.url, "terms": terms, "talk": SPELLED, "close": [4000, "enough"]}
    wanted["ca"] = str(own[0]) if own else None
    ran = subprocess.run(
        node("client.mjs"), input=json.dumps(wanted), capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert said.pop("reason") in ("enough", "")
    assert said == {"echoes": [True] * len(TALK), "extensions": agreed(terms), "code": 4000}


@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
@pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS)
def test_its_server_is_echoed_by_our_client(tmp_path, own, terms, secure):
    wanted = {"terms": terms or False, "talk": SPELLED, "codes": CODES}
    wanted |= {"cert": str(own[0]), "key": str(own[1])} if secure else {}
    if terms == {}:
        wanted["terms"] = {"threshold": 0}
    (tmp_path / "wanted.json").write_text(json.dumps(wanted))
    server = Listening(tmp_path, *node("judge.mjs", tmp_path / "wanted.json"))
    try:
        ran = websocket.drive_client(server.url, "gatepost", own[0] if secure else None)
        (line,) = until("the judge speaks", lambda: list(server.lines))
    finally:
        server.stop()
    verdicts = sorted(json.loads(line), key=lambda one: one["number"])
    assert verdicts == [
        {"number": at + 1, "echoes": [True] * len(TALK), "extensions": agreed(terms), "code": code}
        for at, code in enumerate(CODES)
    ]
    assert ran.returncode == 0, ran.stderr
