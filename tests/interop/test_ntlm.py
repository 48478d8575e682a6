"""NTLM and Negotiate with pyspnego and curl, both ways: bound to the TLS channel, forged, stripped, refused."""

import os
import struct
import subprocess

import command
import pytest
from peers import own_certificate
from spnego.exceptions import SpnegoError
from spnego_client import SCHEMES, Talk, client
from spnego_server import SpnegoServer, end_point

PASSWORD = "open sesame"


@pytest.fixture
def server(tmp_path, own, monkeypatch):
    server = SpnegoServer(tmp_path, monkeypatch, own)
    yield server
    server.stop()


# Our client, their server.


def get(tmp_path, server, own, path, scheme, secret=PASSWORD, *words):
    """`gatepost get` as GATEPOST\\ali."""
    url, who = server.url + path, ["--user", "GATEPOST\\ali", "--password-stdin", "--auth", scheme]
    return command.gatepost(tmp_path / "state", "get", url, "--ca", own[0], *who, *words, secret=secret)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_our_client_is_believed(tmp_path, own, server, scheme):
    for path in (f"/{scheme.lower()}", "/both", f"/{scheme.lower()}-bound"):
        came = get(tmp_path, server, own, path, scheme)
        said = (came.returncode, came.stdout)
        assert said == (0, "user=GATEPOST\\ali requests=2 got=0"), (path, came.stderr, server.refused)
    assert server.refused == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_our_client_with_a_wrong_password_is_refused_once(tmp_path, own, server, scheme):
    came = get(tmp_path, server, own, f"/{scheme.lower()}", scheme, "open barley")
    assert came.returncode != 0 and came.stdout != "user=GATEPOST\\ali", came.stdout
    assert len(server.refused) == 1
    assert "barley" not in came.stderr


def test_a_server_that_closes_in_the_middle_is_an_error_and_no_loop(tmp_path, own, server):
    came = get(tmp_path, server, own, "/closing", "NTLM")
    assert came.returncode != 0
    assert "closed the connection in the middle of the NTLM proof" in came.stderr


@pytest.mark.parametrize("secret", [PASSWORD, "open barley"])
def test_our_client_before_a_proxy(tmp_path, own, server, secret, monkeypatch):
    proxy = SpnegoServer(tmp_path, monkeypatch)
    monkeypatch.setenv("PROXY_SECRET", secret)
    words = ["--proxy", proxy.url, "--proxy-user", "GATEPOST\\ali", "--proxy-password-env", "PROXY_SECRET"]
    came = get(tmp_path, server, own, "/ntlm-bound", "NTLM", PASSWORD, *words, "--danger-plain-proxy")
    proxy.stop()
    assert (came.returncode == 0) == (secret == PASSWORD), came.stderr
    assert len(proxy.refused) == (secret != PASSWORD)


# Their clients, our server.

CONFIG = """
workers = 1
[[listener]]
address = "127.0.0.1:0"
{listener}
[[route]]
schemes = [{schemes}]
respond = {{ status = 200, body = "come in" }}
[auth]
channel_binding = "{binding}"
[danger]
no_auth = true
plain_listeners = true
"""


@pytest.fixture
def guarded(start, tmp_path):
    """Starts a gateway that knows ali: `guarded("NTLM", binding="required", own=own)`."""

    def begin(*schemes, binding="checked", own=None):
        config = tmp_path / "g.toml"
        listener = f'certificate = "{own[0]}"\nkey = "{own[1]}"' if own else "tls = false"
        names = ", ".join(f'"{scheme}"' for scheme in schemes)
        config.write_text(CONFIG.format(listener=listener, schemes=names, binding=binding))
        (tmp_path / "gateway-0").mkdir()
        add = ["user", "add", "ali", "--ntlm", "--password-stdin"]
        added = command.gatepost(tmp_path / "gateway-0" / "state", *add, secret=PASSWORD)
        assert added.returncode == 0, added.stderr
        return start("--config", config)

    return begin


def curl(*words):
    """The status, and how many connections curl needed."""
    show = ["-s", "-o", os.devnull, "-w", "%{http_code} %{num_connects}", "--max-time", "20", "--noproxy", "*"]
    return subprocess.run(["curl", *show, *words], capture_output=True, text=True, timeout=30, check=False).stdout


def test_curl_comes_in(guarded, own):
    gateway = guarded("NTLM", own=own)
    url = f"https://localhost:{gateway.port}/"
    assert curl("--ntlm", "-u", f"GATEPOST\\ali:{PASSWORD}", "--http1.1", "--cacert", own[0], url) == "200 1"
    # Over HTTP/2 no proof is taken, and curl comes again.
    assert curl("--ntlm", "-u", f"ali:{PASSWORD}", "--cacert", own[0], url).startswith("200")
    assert curl("--ntlm", "-u", f"ali:{PASSWORD}", "--cacert", own[0], "-d", "x" * 5000, url).startswith("200")
    for wrong in ("ali:open barley", f"eve:{PASSWORD}", f"ALI:{PASSWORD}", f":{PASSWORD}", "ali:"):
        assert curl("--ntlm", "-u", wrong, "--cacert", own[0], url).startswith("401"), wrong
    assert PASSWORD not in gateway.errors()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_pyspnego_comes_in_and_its_connection_stands(guarded, scheme):
    gateway = guarded(scheme)
    talk, context = Talk(gateway), client(scheme)
    assert (talk.say()[0], talk.prove(scheme, context), talk.say()[0]) == (401, 200, 200)
    assert context.complete
    assert Talk(gateway).say()[0] == 401
    assert Talk(gateway).prove(scheme, client(scheme, secret="open barley")) == 401


@pytest.mark.parametrize("binding", ["checked", "required"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_channel_bindings_are_judged(guarded, own, tmp_path, scheme, binding):
    gateway = guarded(scheme, binding=binding, own=own)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    wrong = end_point(own_certificate(elsewhere)[0])
    for bindings, status in ((end_point(own[0]), 200), (wrong, 401), (None, 200 if binding == "checked" else 401)):
        assert Talk(gateway, own).prove(scheme, client(scheme, bindings)) == status, bindings


def without_mic(token):
    """The message integrity code gone, whatever is said of it."""
    at = token.index(b"NTLMSSP\0")
    return token[: at + 72] + bytes(16) + token[at + 88 :]


def with_noise(token):
    """Noise where the proof was."""
    at = token.index(b"NTLMSSP\0")
    (where,) = struct.unpack_from("<I", token, at + 24)
    return token[: at + where] + os.urandom(16) + token[at + where + 16 :]


def as_it_was(token):
    return token


@pytest.mark.parametrize(("change", "status"), [(as_it_was, 200), (without_mic, 401), (with_noise, 401)])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_was_tampered_with_is_refused(guarded, scheme, change, status):
    gateway, context = guarded(scheme), client(scheme)
    first = context.step()
    talk = Talk(gateway)
    said = talk.say(scheme, first)[1]
    proof = context.step(said)
    assert talk.say(scheme, change(proof))[0] == status
    # The challenge was answered: the true proof comes too late, here and elsewhere.
    assert talk.say(scheme, proof)[0] == 401
    other = Talk(gateway)
    other.say(scheme, first)
    assert other.say(scheme, proof)[0] == 401


@pytest.mark.parametrize("exchange", [0, 0x40000000])
def test_a_forged_proof_is_refused(guarded, exchange):
    """No code, and noise for a proof: sspi-rs issue 172, FreeRDP pull request 6082."""
    talk = Talk(guarded("NTLM"))
    flags = 0xA0088235 | exchange
    head = struct.pack("<8sII", b"NTLMSSP\0", 1, flags) + bytes(16) + b"\x0a\0\x63\x45\0\0\0\x0f"
    assert talk.say("NTLM", head)[1].startswith(b"NTLMSSP\0\2")
    blob = b"\1\1" + bytes(14) + os.urandom(8) + bytes(4) + struct.pack("<HH", 2, 2) + b"G\0" + bytes(8)
    user, key = "ali".encode("utf-16le"), os.urandom(16) if exchange else b""
    parts = [bytes(24), os.urandom(16) + blob, b"G\0", user, b"X\0", key]
    fields, payload = b"", b""
    for part in parts:
        fields += struct.pack("<HHI", len(part), len(part), 72 + len(payload))
        payload += part
    head = struct.pack("<8sI", b"NTLMSSP\0", 3) + fields + struct.pack("<I", flags) + b"\x0a\0\x63\x45\0\0\0\x0f"
    assert talk.say("NTLM", head + payload)[0] == 401
    assert talk.say()[0] == 401


def test_our_server_proves_itself_to_pyspnego(guarded):
    """The signature over the list of mechanisms: a server that does not know the password cannot make it."""
    context, talk = client("Negotiate"), Talk(guarded("Negotiate"))
    said = talk.say("Negotiate", context.step())[1]
    status, last = talk.say("Negotiate", context.step(said))
    assert (status, context.complete) == (200, False)
    with pytest.raises(SpnegoError):
        client_copy = client("Negotiate")
        client_copy.step()
        client_copy.step(said)
        client_copy.step(last)
    context.step(last)
    assert context.complete
