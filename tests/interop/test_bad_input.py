"""Bad input, from the wire and from the machine: a clear answer, and never an open gateway."""

import socket
import sqlite3
import subprocess

import command
import pytest
import wire
from peers import Recorder, free_port
from proofs import proof

# From the wire.

AMBIGUOUS = {
    "length-and-chunked": "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "two-lengths": "Content-Length: 5\r\nContent-Length: 6\r\n",
    "length-list": "Content-Length: 5, 6\r\n",
    "signed-length": "Content-Length: +5\r\n",
    "hex-length": "Content-Length: 0x5\r\n",
    "huge-length": "Content-Length: 99999999999999999999999\r\n",
    "chunked-not-last": "Transfer-Encoding: chunked, identity\r\n",
    "chunked-twice": "Transfer-Encoding: chunked, chunked\r\n",
    "unknown-coding": "Transfer-Encoding: xchunked\r\n",
    "space-before-colon": "Transfer-Encoding : chunked\r\n",
    "tab-in-name": "Transfer-\tEncoding: chunked\r\n",
    "folded": "Transfer-Encoding:\r\n chunked\r\n",
    "vertical-tab": "Transfer-Encoding: \x0bchunked\r\n",
    "bare-line-feed": "X: y\nTransfer-Encoding: chunked\r\n",
    "nul": "X: a\x00b\r\n",
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_ambiguous_framing_is_refused_and_never_forwarded(start, recorder, case):
    gateway = start("--upstream", recorder.url)
    fields = "".join(f"{name}: {value}\r\n" for name, value in proof("basic", gateway).items())
    first = f"POST /first HTTP/1.1\r\nHost: localhost:{gateway.port}\r\n{fields}{AMBIGUOUS[case]}\r\n"
    second = f"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost:{gateway.port}\r\n{fields}\r\n"
    answer = wire.exchange(gateway, (first + second).encode("latin-1"))
    assert wire.status(answer) == 400, answer
    assert answer.count(b"HTTP/1.1 ") == 1, "the connection must end after the refusal"
    assert recorder.heads == []


MALFORMED = {
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no-version": b"GET /\r\n\r\n",
    "no-host": b"GET / HTTP/1.1\r\n\r\n",
    "two-hosts": b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: other\r\n\r\n",
    "path-with-two-readings": b"GET /a%2Fb HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "space-in-target": b"GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "bad-method": b"G(T / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no-colon": b"GET / HTTP/1.1\r\nHost: localhost\r\nnonsense\r\n\r\n",
    "empty-name": b"GET / HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n",
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_head_is_400(start, recorder, case):
    gateway = start("--upstream", recorder.url)
    assert wire.status(wire.exchange(gateway, MALFORMED[case])) == 400
    assert recorder.heads == []
    assert gateway.process.poll() is None


@pytest.mark.parametrize("fields", [[("X-Long", "a" * 100_000)], [(f"X-{n}", "a") for n in range(2_000)]], ids=["long", "many"])
def test_an_oversized_head_is_431(start, recorder, fields):
    gateway = start("--upstream", recorder.url)
    request = wire.head("/", [("Host", f"localhost:{gateway.port}"), *proof("basic", gateway).items(), *fields])
    assert wire.status(wire.exchange(gateway, request)) == 431
    assert recorder.heads == []


@pytest.mark.parametrize("protocol", ["--http1.1", "--http2"])
def test_an_early_answer_to_a_long_body_is_not_lost(start, tmp_path, protocol):
    """Many clients throw an answer away when the stream is reset right after it."""
    gateway = start()
    body = tmp_path / "body"
    body.write_bytes(bytes(3_000_000))
    code, text = wire.curl(gateway, protocol, "--data-binary", f"@{body}")
    assert code == 401, text


def test_an_upstream_that_is_down_is_502_with_a_reason(start):
    gateway = start("--upstream", f"http://127.0.0.1:{free_port()}")
    code, body = wire.curl(gateway, *wire.as_options(proof("basic", gateway)))
    assert code == 502
    assert body.strip()


BAD_HANDSHAKES = {
    "wrong-accept": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
    "no-upgrade": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
}


@pytest.mark.parametrize("case", BAD_HANDSHAKES)
def test_a_tunnel_opens_only_after_a_valid_101(start, case):
    upstream = Recorder(BAD_HANDSHAKES[case])
    gateway = start("--upstream", upstream.url)
    fields = [("Host", f"localhost:{gateway.port}"), *proof("basic", gateway).items(), ("Connection", "Upgrade")]
    handshake = [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]
    assert wire.status(wire.exchange(gateway, wire.head("/", [*fields, *handshake]))) == 502
    upstream.stop()


# From the machine.


def refused(state, *words):
    """Runs `gatepost serve` where it must not start. Returns the lines of its complaint, hints left out."""
    done = command.gatepost(state, "serve", *words)
    assert done.returncode not in (0, -6, -11), done.stderr
    assert "panicked" not in done.stderr
    return [line for line in done.stderr.splitlines() if line and not line.lstrip().startswith("hint:")]


BAD_CONFIGS = {
    "unknown-key": ('workres = 2\n', ":1:1", "workers"),
    "wrong-type": ('workers = "two"\n', ":1:11", "number"),
    "not-toml": ("a = [\n", ":1:", ""),
    "unknown-scheme": ('[[route]]\nschemes = ["Bearrer"]\nupstream = "http://127.0.0.1:1"\n', ":2:12", "Bearer"),
}


@pytest.mark.parametrize("case", BAD_CONFIGS)
def test_a_wrong_configuration_names_file_line_and_column(tmp_path, case):
    text, place, expected = BAD_CONFIGS[case]
    config = tmp_path / "gatepost.toml"
    config.write_text(text)
    serve = command.gatepost(tmp_path / "state", "serve", "--config", config)
    for done in [serve, command.check_config(tmp_path, config)]:
        assert done.returncode not in (0, -6, -11)
        assert f"{config}{place}" in done.stderr
        assert expected in done.stderr


def made_state(start):
    """A state directory that a gateway made and left."""
    gateway = start()
    gateway.stop()
    return gateway.state, gateway.state / "store.db"


def test_a_corrupt_store_is_one_line_that_names_it(start):
    state, store = made_state(start)
    store.write_bytes(b"not a database at all" * 500)
    lines = refused(state)
    assert len(lines) == 1 and str(store) in lines[0], lines


def test_a_foreign_store_is_one_line_that_names_it(start):
    state, store = made_state(start)
    for path in state.glob("store.db*"):
        path.unlink()
    with sqlite3.connect(store) as other:
        other.execute("CREATE TABLE somebody_elses (x)")
    store.chmod(0o600)
    lines = refused(state)
    assert len(lines) == 1 and str(store) in lines[0], lines


def test_a_missing_store_folder_is_one_line_that_names_it(tmp_path):
    (tmp_path / "file").write_text("")
    state = tmp_path / "file" / "state"
    lines = refused(state)
    assert len(lines) == 1 and str(state) in lines[0], lines


def test_a_locked_store_is_one_line_that_names_it(start):
    state, store = made_state(start)
    with sqlite3.connect(store, isolation_level=None) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        lines = refused(state)
        holder.execute("ROLLBACK")
    assert len(lines) == 1 and str(store) in lines[0], lines


def test_a_taken_port_is_one_line_that_names_it(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        lines = refused(tmp_path / "state", "--listen", address)
    assert len(lines) == 1 and address in lines[0], lines


def test_a_missing_certificate_is_one_line_that_names_it(tmp_path):
    missing = tmp_path / "missing.pem"
    lines = refused(tmp_path / "state", "--listen", "127.0.0.1:0", "--cert", missing, "--key", missing)
    assert len(lines) == 1 and str(missing) in lines[0], lines


def test_an_own_certificate_is_used(start, tmp_path):
    cert, key = tmp_path / "own.pem", tmp_path / "own.key"
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*make, *names, "-keyout", key, "-out", cert], check=True, capture_output=True, timeout=30)
    gateway = start("--listen", "127.0.0.1:0", "--cert", cert, "--key", key)
    gateway.ready["ca"] = str(cert)
    assert wire.curl(gateway, *wire.as_options(proof("basic", gateway)))[0] == 200
