"""Digest with what others wrote: curl, requests, httpx and Chromium before the gateway; Apache, httpbin and Squid before the command."""

import json
import shutil
import subprocess
import threading

import command
import httpx
import pytest
import requests
import wire
from apache import Apache
from browser import node
from requests.auth import HTTPDigestAuth
from squid import Squid

USER, PASSWORD = "ali", "open: sesame £"
ALGORITHMS = ["MD5", "SHA-256"]


@pytest.fixture
def guarded(start, tmp_path, recorder):
    """Starts a gateway before the recorder that takes Digest: `guarded(**settings)`; ali is in its store."""

    def begin(**settings):
        lines = [
            "[[listener]]",
            'address = "127.0.0.1:0"',
            "[[route]]",
            'schemes = ["Digest"]',
            f'upstream = "{recorder.url}"',
            "[auth.digest]",
            *(f"{name} = {json.dumps(value)}" for name, value in settings.items()),
        ]
        config = tmp_path / "digest.toml"
        config.write_text("\n".join(lines) + "\n")
        gateway = start("--config", config)
        words = ("user", "add", USER, "--digest=MD5,SHA-256", "--password-stdin")
        added = command.gatepost(gateway.state, *words, secret=PASSWORD)
        assert added.returncode == 0, added.stderr
        return gateway

    return begin


def curl(gateway, *words, user=f"{USER}:{PASSWORD}"):
    return wire.curl(gateway, "--digest", "--user", user, *words, path="/a?b=c")


@pytest.mark.parametrize("qop", ["auth", "auth-int"])
@pytest.mark.parametrize("algorithm", ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess"])
def test_curl_comes_in(guarded, recorder, algorithm, qop):
    gateway = guarded(algorithms=[algorithm], qop=[qop])
    assert curl(gateway) == (200, "recorded")
    assert curl(gateway, user=f"{USER}:wrong")[0] == 401
    assert curl(gateway, user=f"eve:{PASSWORD}")[0] == 401
    fields = {name.lower(): value.strip() for name, value in recorder.fields()}
    assert fields["x-gatepost-user"] == USER and "authorization" not in fields


def test_curl_sends_a_body_and_its_name_as_a_digest(guarded, recorder):
    gateway = guarded(userhash=True)
    assert curl(gateway, "--data", "x" * 5000)[0] == 200
    said = dict(recorder.fields())
    assert recorder.heads[-1].startswith(b"POST /a?b=c ") and said.get("content-length", said.get("Content-Length")).strip() == "5000"
    done = subprocess.run(
        ["curl", "-sv", "--digest", "--user", f"{USER}:{PASSWORD}", "--cacert", gateway.ca, gateway.url + "/"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    sent = next(line for line in done.stderr.splitlines() if line.lower().startswith("> authorization"))
    assert "userhash=true" in sent and USER not in sent


def test_a_recorded_request_is_refused_and_a_new_proof_is_asked_for(guarded, tmp_path):
    gateway = guarded()
    trace = tmp_path / "trace"
    assert curl(gateway, "--trace-ascii", trace, "--http1.1")[0] == 200
    lines = trace.read_text().splitlines()
    # A long field is parted over lines of the trace, each behind its offset.
    at = max(at for at, line in enumerate(lines) if "Authorization: Digest" in line)
    field = lines[at][6:]
    for line in lines[at + 1 :]:
        if line[6:].startswith("User-Agent"):
            break
        field += line[6:]
    for expected in ("/a?b=c", "/other"):
        done = subprocess.run(
            ["curl", "-si", "--header", field, "--cacert", gateway.ca, gateway.url + expected],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        if expected == "/other":
            assert " 400" in done.stdout.splitlines()[0], done.stdout
        else:
            assert " 401" in done.stdout.splitlines()[0] and "stale=true" in done.stdout, done.stdout


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_requests_goes_on_with_one_nonce_also_after_a_restart(guarded, algorithm):
    gateway = guarded(algorithms=[algorithm])
    with requests.Session() as session:
        session.auth, session.verify, session.trust_env = HTTPDigestAuth(USER, PASSWORD), gateway.ca, False
        seen = [session.get(gateway.url + "/a") for _ in range(3)]
        seen.append(session.post(gateway.url + "/a", data=b"x" * 1000))
        assert [(answer.status_code, len(answer.history)) for answer in seen] == [(200, 1), (200, 0), (200, 0), (200, 0)]
        port = gateway.port
        gateway.stop()
        config = gateway.folder.parent / "digest.toml"
        config.write_text(config.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}"))
        gateway.start()
        answer = session.get(gateway.url + "/a")
        assert (answer.status_code, len(answer.history)) == (200, 0)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_httpx_comes_in(guarded, algorithm):
    gateway = guarded(algorithms=[algorithm])
    with httpx.Client(auth=httpx.DigestAuth(USER, PASSWORD), verify=wire.trust(gateway), trust_env=False) as client:
        seen = [client.get(gateway.url + "/a"), client.post(gateway.url + "/a", content=b"x" * 1000)]
        assert [answer.status_code for answer in seen] == [200, 200]
        assert 'qop=auth, cnonce="' in seen[0].headers["authentication-info"]
    answer = httpx.get(gateway.url, auth=httpx.DigestAuth(USER, "wrong"), verify=wire.trust(gateway), trust_env=False)
    assert answer.status_code == 401


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_chromium_comes_in(guarded, algorithm):
    gateway = guarded(algorithms=[algorithm])
    pages = [gateway.url + path for path in ("/a", "/b?c", "/a")]
    wanted = {"executable": shutil.which("chromium"), "user": USER, "password": PASSWORD, "pages": pages}
    done = subprocess.run(node("login.mjs", json.dumps(wanted)), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[200, "recorded"]] * 3


def get(tmp_path, monkeypatch, url, ca, *words, password=PASSWORD):
    """`gatepost get` as ali, with Digest and nothing else."""
    monkeypatch.setenv("ALI", password)
    who = ("--auth", "digest", "--user", USER, "--password-env", "ALI", "--ca", ca)
    return command.gatepost(tmp_path / "client", "get", url, *who, *words)


@pytest.fixture
def apache(own):
    server = Apache(own, [(USER, PASSWORD)])
    yield server
    server.stop()


def test_apache_lets_us_in_and_proves_itself(apache, own, tmp_path, monkeypatch):
    for words in ((), ("--http1.1",), ("--mutual",)):
        done = get(tmp_path, monkeypatch, apache.url + "/digest/", own[0], *words)
        assert (done.returncode, done.stdout) == (0, "hello from www/digest\n"), done.stderr
    done = get(tmp_path, monkeypatch, apache.url + "/digest/?a=b;c", own[0], "-v")
    assert done.returncode == 0 and "Digest" in done.stderr, done.stderr
    wrong = get(tmp_path, monkeypatch, apache.url + "/digest/", own[0], password="wrong")
    assert wrong.returncode != 0 and "401" in wrong.stderr, wrong.stderr
    # It is open, so nobody proves anything there.
    open_to_all = get(tmp_path, monkeypatch, apache.url + "/", own[0], "--mutual")
    assert open_to_all.returncode != 0 and "has not proved" in open_to_all.stderr, open_to_all.stderr


@pytest.fixture
def httpbin(own):
    """httpbin over TLS, in this process."""
    from httpbin import app
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=tuple(map(str, own)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://localhost:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize("qop", ["auth", "auth-int"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_httpbin_lets_us_in(httpbin, own, tmp_path, monkeypatch, algorithm, qop):
    password = "sesame"
    done = get(tmp_path, monkeypatch, f"{httpbin}/digest-auth/{qop}/{USER}/{password}/{algorithm}", own[0], password=password)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"authenticated": True, "user": USER}
    wrong = get(tmp_path, monkeypatch, f"{httpbin}/digest-auth/{qop}/{USER}/{password}/{algorithm}", own[0], password="x")
    assert wrong.returncode != 0, wrong.stdout


def test_what_httpbin_calls_sha_512_is_not_answered(httpbin, own, tmp_path, monkeypatch):
    done = get(tmp_path, monkeypatch, f"{httpbin}/digest-auth/auth/{USER}/x/SHA-512", own[0], "-v", password="x")
    assert done.returncode != 0 and "an algorithm that we do not know" in done.stderr, done.stderr


@pytest.fixture
def squid():
    proxy = Squid([("way", "out: £")])
    yield proxy
    proxy.stop()


def test_squid_lets_us_through_and_hears_nothing_else(guarded, squid, tmp_path, monkeypatch):
    gateway = guarded()
    monkeypatch.setenv("WAY", "out: £")
    known = ("--proxy", squid.url, "--proxy-user", "way", "--proxy-password-env", "WAY")
    through = get(tmp_path, monkeypatch, gateway.url + "/a", gateway.ca, *known, "--danger-plain-proxy")
    assert (through.returncode, through.stdout) == (0, "recorded"), through.stderr
    tunnels = [line for line in squid.seen() if f"CONNECT localhost:{gateway.port} way " in line]
    assert tunnels, squid.seen()
    monkeypatch.setenv("WAY", "wrong")
    refused = get(tmp_path, monkeypatch, gateway.url + "/a", gateway.ca, *known, "--danger-plain-proxy")
    assert refused.returncode != 0 and "407" in refused.stderr, refused.stderr
