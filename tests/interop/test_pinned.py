"""Who proves themselves to an upstream for a connection has that connection to themselves, through the gateway."""

import http.client
import random

import pytest
import settings
from accepting import Accepting

WHO = b"nobody"


class Binding(Accepting):
    """An upstream that believes `Authorization: NTLM NAME` for the whole connection, as such servers do."""

    def serve(self, connection):
        who = WHO
        with connection, connection.makefile("rb") as words:
            while words.readline():
                length = 0
                while (line := words.readline().strip()) != b"":
                    name, _, value = line.partition(b":")
                    scheme, _, claimed = value.strip().partition(b" ")
                    if name.lower() == b"authorization" and scheme.lower() in (b"ntlm", b"negotiate"):
                        who = claimed
                    if name.lower() == b"content-length":
                        length = int(value)
                words.read(length)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(who), who))


@pytest.fixture
def gateway(start, tmp_path):
    upstream = Binding()
    config = settings.write(tmp_path / "g.toml", upstream=upstream.url, workers=1)
    yield start("--config", config)
    upstream.stop()


def ask(connection, claim=None):
    connection.request("POST", "/", body=b"x" * 100, headers={"Authorization": claim} if claim else {})
    return connection.getresponse().read()


@pytest.mark.parametrize("scheme", ["NTLM", "negotiate"])
def test_nobody_is_taken_for_another(gateway, scheme):
    """Eight people and two strangers, each on one connection, in no order."""
    people = {f"user{n}": http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20) for n in range(8)}
    strangers = [http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20) for _ in range(2)]
    # The pool holds connections before anybody has proved anything.
    assert [ask(stranger) for stranger in strangers] == [WHO, WHO]
    for name, connection in people.items():
        assert ask(connection, f"{scheme} {name}") == name.encode()
    order = [*people.items(), *(("nobody", stranger) for stranger in strangers)] * 20
    random.Random(7).shuffle(order)
    wrong = [(name, said) for name, connection in order if (said := ask(connection)) != name.encode()]
    assert wrong == []


def test_who_leaves_leaves_nothing_behind(gateway):
    """Their upstream connection ends with their own."""
    for n in range(10):
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
        assert ask(connection, f"NTLM user{n}") == f"user{n}".encode()
        connection.close()
        stranger = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
        assert [ask(stranger), ask(stranger)] == [WHO, WHO]
