"""NTLM and Negotiate through a gateway: what one client proved to the upstream never speaks for another."""

import pytest
import settings
from spnego_client import SCHEMES, Talk, client
from spnego_server import SpnegoServer

PEOPLE = {"GATEPOST\\ali": "open sesame", "GATEPOST\\bo": "hunter2"}


@pytest.fixture
def upstream(tmp_path, monkeypatch):
    server = SpnegoServer(tmp_path, monkeypatch)
    yield server
    server.stop()


def proving(tmp_path, upstream, scheme, password):
    """The configuration of a gateway that is bo to the upstream."""
    secret = tmp_path / "secret"
    secret.write_text(password + "\n")
    secret.chmod(0o600)
    who = f'{{ scheme = "{scheme}", user = "GATEPOST\\\\bo", secret = {{ file = "{secret}" }} }}'
    route = [f"upstream_credential = {who}"]
    return settings.write(tmp_path / "g.toml", upstream=upstream.url, workers=1, route=route)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_two_clients_never_meet_upstream(start, tmp_path, upstream, scheme):
    gateway = start("--config", settings.write(tmp_path / "g.toml", upstream=upstream.url, workers=1))
    path = f"/{scheme.lower()}"
    talks = {user: Talk(gateway, path=path) for user in PEOPLE}
    assert Talk(gateway, path=path).say()[0] == 401
    contexts = {user: client(scheme, user=user, secret=secret) for user, secret in PEOPLE.items()}
    # Leg by leg in turn.
    said = {user: talks[user].say(scheme, contexts[user].step())[1] for user in PEOPLE}
    for user in PEOPLE:
        assert talks[user].say(scheme, contexts[user].step(said[user]))[0] == 200, upstream.refused
    for _ in range(5):
        for user in PEOPLE:
            assert talks[user].say()[0] == 200
            assert talks[user].body.startswith(f"user={user} ".encode())
        assert Talk(gateway, path=path).say()[0] == 401, "a stranger got somebody's connection"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_gateway_proves_itself_whoever_the_client_is(start, tmp_path, upstream, scheme):
    gateway = start("--config", proving(tmp_path, upstream, scheme, "hunter2"))
    path = f"/{scheme.lower()}"
    talks = [Talk(gateway, path=path) for _ in range(3)]
    for _ in range(3):
        for talk in talks:
            assert talk.say() == (200, b""), gateway.errors()
            assert talk.body.startswith(b"user=GATEPOST\\bo ")
    # The client's own proof is not for the upstream.
    assert talks[0].say("NTLM", b"NTLMSSP\0\1\0\0\0")[0] == 200, gateway.errors()
    assert upstream.refused == []
    for length in (5, 60_000):
        assert talks[0].ask("POST", b"x" * length, {})[0] == 200
        assert talks[0].body.endswith(f" got={length}".encode())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_upstream_that_does_not_believe_the_gateway(start, tmp_path, upstream, scheme):
    gateway = start("--config", proving(tmp_path, upstream, scheme, "open barley"))
    assert Talk(gateway, path=f"/{scheme.lower()}").say() == (502, b"")
    assert len(upstream.refused) == 1
