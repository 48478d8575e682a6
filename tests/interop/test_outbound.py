"""Who the gateway is to an upstream: the proof is ours, the client's stays out, and nobody else learns of ours."""

import base64
import hashlib
import http.client

import command
import pytest
import settings
from gateway import Gateway
from peers import Recorder

PASSWORD = "open sesame"
BASIC = "Basic " + base64.b64encode(f"svc:{PASSWORD}".encode()).decode()
REFUSED = b'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="inner"\r\nContent-Length: 6\r\nConnection: close\r\n\r\nreally'


def configured(tmp_path, upstream, credential):
    lines = [f"upstream_credential = {credential}"]
    return settings.write(tmp_path / "g.toml", upstream=upstream.url, workers=1, route=lines)


def login(secret, scheme="Basic", user="svc"):
    return f'{{ scheme = "{scheme}", user = "{user}", secret = {secret} }}'


@pytest.fixture
def secret(tmp_path):
    """A file with the password."""
    path = tmp_path / "secret"
    path.write_text(PASSWORD + "\n")
    path.chmod(0o600)
    return f'{{ file = "{path}" }}'


def ask(gateway, method="GET", path="/", body=None, **fields):
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request(method, path, body=body, headers=fields)
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()


def said(recorder, name, at=-1):
    return [value.strip() for field, value in recorder.fields(at) if field.lower() == name]


@pytest.mark.parametrize("path", ["/", "/a%20b/~c?x=%2F&y"])
@pytest.mark.parametrize(("method", "length"), [("GET", 0), ("POST", 5), ("PUT", 70_000), ("DELETE", 0)])
def test_our_proof_goes_along_and_the_rest_as_it_was(start, tmp_path, recorder, secret, method, length, path):
    gateway = start("--config", configured(tmp_path, recorder, login(secret)))
    status, _, body = ask(gateway, method, path, b"x" * length or None, Authorization="Basic eDp5", Host="shop.test")
    assert (status, body) == (200, b"recorded")
    assert recorder.heads[-1].split(b"\r\n")[0] == f"{method} {path} HTTP/1.1".encode()
    assert (said(recorder, "authorization"), said(recorder, "host")) == ([BASIC], ["shop.test"])
    assert said(recorder, "content-length") == ([str(length)] if length else [])


def test_a_token_goes_as_it_is(start, tmp_path, recorder, secret):
    start_words = ("--config", configured(tmp_path, recorder, f"{{ secret = {secret} }}"))
    (tmp_path / "secret").write_text("abc.def.ghi")
    assert ask(start(*start_words))[0] == 200
    assert said(recorder, "authorization") == ["Bearer abc.def.ghi"]


def test_wsse_is_made_anew_for_each_request(start, tmp_path, recorder, secret):
    gateway = start("--config", configured(tmp_path, recorder, login(secret, "WSSE")))
    assert [ask(gateway)[0], ask(gateway)[0]] == [200, 200]
    proofs = [said(recorder, "x-wsse", at)[0] for at in (0, 1)]
    assert proofs[0] != proofs[1]
    for proof in proofs:
        parts = dict(part.strip().split("=", 1) for part in proof.removeprefix("UsernameToken ").split(","))
        nonce, created, digest = (parts[name].strip('"') for name in ("Nonce", "Created", "PasswordDigest"))
        mixed = base64.b64decode(nonce) + created.encode() + PASSWORD.encode()
        assert digest == base64.b64encode(hashlib.sha1(mixed).digest()).decode()


def test_an_upstream_that_does_not_believe_us_is_not_the_clients_affair(start, tmp_path, secret):
    upstream = Recorder(REFUSED)
    gateway = start("--config", configured(tmp_path, upstream, login(secret)))
    status, fields, body = ask(gateway)
    upstream.stop()
    assert (status, "WWW-Authenticate" in fields, b"inner" in body) == (502, False, False)
    assert len(upstream.heads) == 1
    assert "GP-GATE-006" in gateway.errors() and PASSWORD not in gateway.errors()


def test_a_kept_credential_stays_in_its_scope(start, tmp_path, recorder):
    words = ("--config", configured(tmp_path, recorder, '{ name = "erp" }'))
    state = tmp_path / "gateway-0" / "state"
    state.parent.mkdir()
    command.add_credential(state, "erp", recorder.url, "svc", PASSWORD)
    assert ask(start(*words))[0] == 200
    assert said(recorder, "authorization") == []  # It takes any scheme, and nobody has asked yet.
    for name, url in (("other", "https://other.test/"), (None, None)):
        folder = tmp_path / f"wrong-{name}"
        folder.mkdir()
        if name:
            command.add_credential(folder / "state", "erp", url, "svc", PASSWORD)
        with pytest.raises(AssertionError, match="upstream_credential `erp`"):
            Gateway(folder, *words).start()


def test_nothing_goes_in_the_clear_off_this_machine(tmp_path, secret):
    class There:
        url = "http://192.0.2.1:80"

    path = configured(tmp_path, There, login(secret))
    refused = command.check_config(tmp_path, path)
    assert refused.returncode != 0
    assert "in the clear" in refused.stderr and "plain_credentials" in refused.stderr
    path.write_text(path.read_text().replace("[danger]", "[danger]\nplain_credentials = true"))
    assert command.check_config(tmp_path, path).returncode == 0
