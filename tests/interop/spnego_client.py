"""Requests over one connection, and pyspnego as whoever proves on it."""

import base64
import http.client
import ssl

import spnego

SCHEMES = ["NTLM", "Negotiate"]


class Talk:
    """Requests over one connection."""

    def __init__(self, gateway, own=None, path="/"):
        self.path, self.body = path, b""
        if own:
            trust = ssl.create_default_context(cafile=own[0])
            self.connection = http.client.HTTPSConnection("localhost", gateway.port, timeout=20, context=trust)
        else:
            self.connection = http.client.HTTPConnection("localhost", gateway.port, timeout=20)

    def say(self, scheme=None, token=b""):
        """The status, and the token in the answer."""
        fields = {"Authorization": f"{scheme} {base64.b64encode(token).decode()}"} if scheme else {}
        return self.ask("GET", None, fields)

    def ask(self, method, body, fields):
        self.connection.request(method, self.path, body=body, headers=fields)
        answer = self.connection.getresponse()
        self.body = answer.read()
        said = (answer.getheader("WWW-Authenticate") or "").partition(" ")[2]
        return answer.status, base64.b64decode(said) if said and '="' not in said else b""

    def prove(self, scheme, context, change=lambda token: token):
        """All legs of a context; the last token goes through `change`."""
        status, said = self.say(scheme, context.step())
        while status == 401 and said and not context.complete:
            status, said = self.say(scheme, change(context.step(said)))
        if status == 200 and said:
            context.step(said)
        return status


def client(scheme, bindings=None, secret="open sesame", user="GATEPOST\\ali"):
    protocol = "ntlm" if scheme == "NTLM" else "negotiate"
    options = spnego.NegotiateOptions.use_ntlm if scheme == "NTLM" else spnego.NegotiateOptions.use_negotiate
    more = {"protocol": protocol, "options": options, "channel_bindings": bindings}
    return spnego.client(user, secret, "localhost", "HTTP", **more)
