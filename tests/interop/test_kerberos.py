"""Kerberos contexts with MIT krb5's KDC: both ends are ours, the realm is not."""

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest
from kdc import PASSWORD, REALM
from peers import free_port

ALICE = f"alice@{REALM}"
SERVICE = f"HTTP/localhost@{REALM}"
MECHANISMS = ["kerberos", "spnego"]


def talk(kdc, initiator, acceptor=None, env=None, **more):
    """What both ends of a context came to know."""
    wanted = {"initiator": initiator, "acceptor": acceptor, **more}
    program = Path(os.environ["GATEPOST_EXAMPLES"]) / "kerberos-talk"
    ran = subprocess.run(
        [program, "talk"],
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        timeout=60,
        env=kdc.env | {name: str(value) for name, value in (env or {}).items()},
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert PASSWORD not in ran.stdout + ran.stderr
    return json.loads(ran.stdout)


def alice(mechanism, **more):
    who = {"principal": ALICE, "password": PASSWORD, "service": "HTTP/localhost"}
    return {**who, "mechanism": mechanism, "mutual": True, **more}


def http(kdc, mechanism, **more):
    return {"keytab": str(kdc.keytab), "service": "HTTP/localhost", "mechanism": mechanism, **more}


def codes(came):
    """Who failed, with which code and whose fault."""
    errors = {end: said for end, said in came.items() if said and "code" in said}
    return {end: (said["code"], said["blame"]) for end, said in errors.items()}


def seen(came, end):
    return {name: came[end][name] for name in ("client", "realm", "service", "mutual")}


@pytest.mark.parametrize("mutual", [True, False])
@pytest.mark.parametrize("identity", ["password", "keytab", "cache", "ambient"])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_each_identity_is_proved(kdc, tmp_path, mechanism, identity, mutual):
    who, env = {
        "password": ({"principal": "alice", "password": PASSWORD}, {}),
        "keytab": ({"principal": ALICE, "keytab": str(kdc.user_keytab)}, {}),
        "cache": ({"cache": str(tmp_path / "tickets")}, {}),
        "ambient": ({}, {"KRB5CCNAME": tmp_path / "tickets"}),
    }[identity]
    if identity in ("cache", "ambient"):
        kdc.tickets(tmp_path / "tickets")
    initiator = {"service": "HTTP/localhost", "mechanism": mechanism, "mutual": mutual, **who}
    came = talk(kdc, initiator, http(kdc, mechanism), env)
    expected = {"client": ALICE, "realm": REALM, "service": SERVICE, "mutual": mutual}
    assert (seen(came, "client"), seen(came, "server")) == (expected, expected)
    # Ten hours; the acceptor's clock may be five minutes off.
    assert 0 < came["client"]["lifetime"] <= 36000 < came["server"]["lifetime"] <= 36300
    # Nobody's tickets land where the process of whoever runs this has its own.
    assert not (kdc.folder / "default.ccache").exists()


@pytest.mark.parametrize("env", [{}, {"KRB5RCACHENAME": "none:"}, {"KRB5RCACHETYPE": "none"}])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_token_is_taken_once(kdc, mechanism, env):
    came = talk(kdc, alice(mechanism), http(kdc, mechanism), env, again=True)
    assert codes(came) == {"server": ("GP-KERBEROS-014", "Peer")}
    assert came["client"]["mutual"]


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_where_replays_cannot_be_recorded_nobody_comes_in(kdc, mechanism):
    came = talk(kdc, alice(mechanism), http(kdc, mechanism), {"KRB5RCACHEDIR": "/nonexistent"})
    assert codes(came) == {"server": ("GP-KERBEROS-013", "Environment")}


SAME, OTHER = "tls-server-end-point:one", "tls-server-end-point:two"


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize(
    ("client", "server", "expected"),
    [
        ({"bindings": SAME}, {"required": SAME}, True),
        ({"bindings": SAME}, {"offered": SAME}, True),
        ({"bindings": SAME}, {}, False),
        ({}, {"offered": SAME}, False),
        ({}, {}, False),
        ({"bindings": OTHER}, {"required": SAME}, {"server": ("GP-KERBEROS-017", "Peer")}),
        ({"bindings": OTHER}, {"offered": SAME}, {"server": ("GP-KERBEROS-017", "Peer")}),
        ({}, {"required": SAME}, {"server": ("GP-KERBEROS-018", "Peer")}),
    ],
)
def test_bindings(kdc, mechanism, client, server, expected):
    came = talk(kdc, alice(mechanism, **client), http(kdc, mechanism, **server))
    assert (codes(came) or came["server"]["bound"]) == expected, came


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize(
    ("client", "expected"),
    [
        ({"password": "wrong"}, ("GP-KERBEROS-007", "Caller")),
        ({"principal": "nobody"}, ("GP-KERBEROS-025", "Caller")),
        ({"principal": "carol"}, ("GP-KERBEROS-007", "Caller")),
        ({"principal": "a\nb"}, ("GP-KERBEROS-021", "Caller")),
        ({"service": "HTTP/nowhere"}, ("GP-KERBEROS-008", "Caller")),
        ({"service": "HTTP/a/b"}, ("GP-KERBEROS-021", "Caller")),
        ({"keytab": "/nonexistent/keytab"}, ("GP-KERBEROS-011", "Config")),
        ({"cache": "/nonexistent/tickets"}, ("GP-KERBEROS-009", "Caller")),
        ({"password": None}, ("GP-KERBEROS-009", "Caller")),
    ],
)
def test_a_client_learns_why_it_cannot(kdc, mechanism, client, expected):
    assert codes(talk(kdc, alice(mechanism, **client))) == {"client": expected}


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ({"keytab": "/nonexistent/keytab"}, ("GP-KERBEROS-011", "Config")),
        ({"service": "HTTP/nowhere"}, ("GP-KERBEROS-011", "Config")),
        # The key is there, but it is not what the client was to ask for.
        ({"service": "HTTP/www.gatepost.test"}, ("GP-KERBEROS-016", "Peer")),
    ],
)
def test_a_server_learns_why_it_cannot(kdc, mechanism, server, expected):
    came = talk(kdc, alice(mechanism), http(kdc, mechanism, **server))
    assert codes(came) == {"server": expected}


@pytest.mark.parametrize(("one", "other"), [MECHANISMS, MECHANISMS[::-1]])
def test_a_mechanism_that_was_not_agreed_on_is_refused(kdc, one, other):
    assert codes(talk(kdc, alice(one), http(kdc, other))) == {"server": ("GP-KERBEROS-016", "Peer")}


def test_a_server_of_any_host_takes_each_of_its_keys(kdc):
    came = talk(kdc, alice("kerberos", service="HTTP/www.gatepost.test"), http(kdc, "kerberos", service="HTTP"))
    assert came["server"]["service"] == f"HTTP/www.gatepost.test@{REALM}"


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_without_a_kdc_the_environment_is_to_blame(kdc, mechanism):
    env = {"KRB5_CONFIG": kdc.client_config("nobody.conf", free_port())}
    assert codes(talk(kdc, alice(mechanism), env=env)) == {"client": ("GP-KERBEROS-006", "Environment")}


def test_a_kdc_that_hangs_is_given_up(kdc):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        env = {"KRB5_CONFIG": kdc.client_config("silent.conf", silent.getsockname()[1])}
        came = talk(kdc, alice("kerberos"), env=env, deadline=1)
    assert codes(came) == {"client": ("GP-KERBEROS-023", "Environment")}


def test_without_the_library_there_is_one_sentence(kdc):
    came = talk(kdc, alice("kerberos"), library="libgatepost-none.so.0")
    assert codes(came) == {"client": ("GP-KERBEROS-001", "Environment")}
    begin = "Kerberos needs the system's GSSAPI library, and none was found (looked for libgatepost-none.so.0)"
    assert came["client"]["text"].startswith(begin)
