"""Ambiguous HTTP/1 requests: what a proxy makes of each, as the upstream saw it."""

import base64

import cases
import client
import strict
from verdict import Verdict

# What follows every request that must be refused. In the tests the client says at once that this was all; some proxies
# then give up what they have begun, so here the last request says it.
FOLLOWER = b"GET /smuggled HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def refused(contestant, recorder):
    for expected, request, text in cases.pairs("refused.txt"):
        heard, closed = client.exchange(client.connect(contestant.plain), request + FOLLOWER, 2)
        forms, _ = recorder.take()
        outcome = of_pair(forms) or of_nothing(heard, closed)
        exact = not forms and is_refusal(heard, expected)
        yield verdict("refused.txt", f"{expected} {text}", outcome, heard, exact, forms)


def paths(contestant, recorder):
    for fault, path, text in cases.pairs("paths.txt"):
        request = b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        heard, closed = client.exchange(client.connect(contestant.plain), request, 1)
        forms, _ = recorder.take()
        outcome = of_one(forms) or of_nothing(heard, closed)
        exact = not forms and heard.startswith(b"HTTP/1.1 400 ")
        yield verdict("paths.txt", f"{fault} {text}", outcome, heard, exact, forms)


def carried(contestant, recorder):
    for request, text, expected in cases.carried():
        heard, closed = client.exchange(client.connect(contestant.plain), request, len(expected))
        forms, _ = recorder.take()
        expected = [strict.show(form) for form in expected]
        outcome = of_one(forms) or of_nothing(heard, closed)
        # Fields may differ: not every proxy has to drop the same. Requests and their content may not.
        if outcome == "one form" and [essence(form) for form in forms] != [essence(form) for form in expected]:
            outcome = "smuggled"
        exact = [without_ours(form, "http") for form in forms] == expected
        yield verdict("carried.txt", text, outcome, heard, exact, forms)


def spellings(contestant, recorder):
    common = b"/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + login(contestant) + b"\r\n"
    for name, lines, text in cases.pairs("spellings.txt"):
        request = b"GET " + common + lines + b"\r\n"
        form = "GET /|host: localhost|x-gatepost-user: demo||"
        if name == "trailer":
            request = b"POST " + common + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n" + lines + b"\r\n"
            form = "POST /|host: localhost|transfer-encoding: chunked|x-gatepost-user: demo||a"
        if name == "connection-only":
            form = "GET /|host: localhost|x-gatepost-user: demo|x-noise: 1||"
        heard, closed = client.exchange(client.connect(contestant.guarded, "http/1.1"), request, 1)
        forms, octets = recorder.take()
        outcome = of_one(forms) or of_nothing(heard, closed)
        if is_spoofed(forms, octets):
            outcome = "spoofed"
        exact = [without_ours(form, "https") for form in forms] == [form]
        yield verdict("spellings.txt", f"{name} {text}", outcome, heard, exact, forms)


GROUPS = {"refused.txt": refused, "paths.txt": paths, "carried.txt": carried, "spellings.txt": spellings}


def is_served(contestant):
    """Whether requests that nobody could misread are answered, with and without a name that was proven."""
    fields = b"Host: localhost\r\nConnection: close\r\nAuthorization: " + login(contestant)
    request = b"GET / HTTP/1.1\r\n" + fields + b"\r\n\r\n"
    open_to_all, _ = client.exchange(client.connect(contestant.plain), request, 1)
    guarded, _ = client.exchange(client.connect(contestant.guarded, "http/1.1"), request, 1)
    return client.status(open_to_all) == client.status(guarded) == "200"


def login(contestant):
    return b"Basic " + base64.b64encode(f"demo:{contestant.password}".encode())


def of_one(forms):
    """`None` where nothing was seen."""
    if any(form.startswith("FAULT") for form in forms):
        return "ambiguous"
    return "one form" if forms else None


def of_pair(forms):
    """The same where the follower may be seen too: once, whole, behind a request that has nothing of it."""
    first, rest = forms[:1], forms[1:]
    whole = [form.startswith("GET /smuggled|") and form.endswith("||") for form in rest]
    if any("smuggled" in form for form in first) or whole not in ([], [True]):
        faults = [form for form in forms if form.startswith("FAULT")]
        others = [form for form in forms if form not in faults and not form.startswith("GET /smuggled|")]
        # The strict upstream closed on the first, and the follower came on a connection of its own.
        if faults and not others and not any("smuggled" in form for form in faults):
            return "ambiguous"
        return "smuggled"
    return of_one(forms)


def of_nothing(heard, closed):
    """A refusal in words or by closing."""
    return "refused" if closed or client.count(heard) else "hung"


def is_spoofed(forms, octets):
    """`root` is in whatever reached the upstream, or the name that was proven is not, or a hop is told to drop it."""
    if b"root" in octets:
        return True
    fields = [part for form in forms if not form.startswith("FAULT") for part in form.split("|")]
    dropped = any(part.startswith("connection: ") and "x-gatepost-user" in part.lower() for part in fields)
    return bool(fields) and (dropped or fields.count("x-gatepost-user: demo") != 1)


def is_refusal(heard, status):
    """One answer with this status, and the end of the connection."""
    head = heard.split(b"\r\n\r\n")[0]
    one = heard.count(b"HTTP/1.1 ") == 1 and heard.startswith(b"HTTP/1.1 " + status.encode() + b" ")
    return one and b"\r\nconnection: close" in head


def essence(form):
    """Method, target and content: what a server acts on."""
    head, _, content = form.rpartition("||") if "||" in form else form.rpartition("|")
    return head.split("|")[0], content


def without_ours(form, scheme):
    """A form without the three fields that the gateway sets, if each stands there once as it must."""
    host = next((part[6:] for part in form.split("|") if part.startswith("host: ")), "")
    ours = ["x-forwarded-for: 127.0.0.1|", f"x-forwarded-host: {host}|", f"x-forwarded-proto: {scheme}|"]
    for one in ours:
        form = form.replace(one, "", 1)
    return form


def verdict(group, case, outcome, heard, exact, forms):
    return Verdict(group, case, outcome, client.status(heard) or "closed", exact, forms)
