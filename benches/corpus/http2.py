"""HTTP/2 abuses: how each ends, what of it reaches the upstream, and whether another client is served meanwhile."""

import select
import ssl
import threading
import time

import cases
import client
import h2frames
from http1 import without_ours
from verdict import Verdict

PATIENCE = 20.0  # seconds until a connection that tells nothing counts as hung
GRACE = 2.0  # seconds that a stream may take when all that was sent has been read
CANARY = b"GET /canary HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def abuses(contestant, recorder):
    for case in cases.abuses():
        others = []
        beside = threading.Thread(target=lambda told=others: told.append(is_served(contestant)))
        beside.start()
        ended, refused = play(contestant, case)
        beside.join()
        others.append(is_served(contestant))
        forms, _ = recorder.take()
        forms = [form for form in forms if not form.startswith("GET /canary|")]
        outcome = of_forms(case, forms) or of_end(case, ended, refused)
        if not all(others):
            outcome = "hung"
        seen = [without_ours(form, "https") for form in forms]
        exact = all(others) and is_end(case, ended) and reached(case, seen)
        yield Verdict("abuses.txt", f"{case['name']} = {case['outcome']}", outcome, ended, exact, seen[:5])


GROUPS = {"abuses.txt": abuses}


def is_served(contestant):
    """Whether another client is answered."""
    try:
        heard, _ = client.exchange(client.connect(contestant.tls, "http/1.1"), CANARY, 1)
    except OSError:
        return False
    return heard.startswith(b"HTTP/1.1 200 OK")


def play(contestant, case):
    """Sends the frames of a case: (what became of it, whether its stream was refused)."""
    octets = memoryview(h2frames.case(case["frames"]))
    awaits_stream = case["outcome"].startswith(("stream", "status"))
    with client.connect(contestant.tls, "h2") as connection:
        connection.setblocking(False)
        heard, end, last, refused = b"", time.monotonic() + PATIENCE, "nothing", False
        while time.monotonic() < end:
            octets, more, over = turn(connection, octets)
            heard += more
            while len(heard) >= 9 and len(heard) >= 9 + int.from_bytes(heard[:3], "big"):
                length = 9 + int.from_bytes(heard[:3], "big")
                told = meaning(heard[:length], subject(case))
                refused = refused or (told or "").startswith(("stream", "status 4", "status 5"))
                if told and told.startswith(("goaway", *(("stream", "status") if awaits_stream else ["open"]))):
                    return told, refused
                if told == "open":
                    # All was read. What there is to say of the stream comes soon, or never.
                    end, last = time.monotonic() + GRACE, told
                heard = heard[length:]
            if over:
                return "closed", refused
    return last, refused


def turn(connection, octets):
    """Sends and hears what can be now: (what is left to send, what was heard, whether the other end left)."""
    heard, over = b"", False
    if not connection.pending():
        select.select([connection], [connection] if octets else [], [], 0.2)
    try:
        heard = connection.recv(1 << 18)
        over = not heard
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
        pass
    except OSError:
        over = True
    try:
        # The same piece again after a piece that did not fit, as OpenSSL wants it.
        octets = octets[connection.send(octets[: 1 << 14]) :] if octets else octets
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
        pass
    except OSError:
        octets = b""
    return octets, heard, over


def subject(case):
    """The stream that the case is about; `None` if any will do."""
    words = case["frames"][0].split(" ")
    if "stream 501" in case["outcome"] or words[0] not in ("FRAME", "HEADERS"):
        return None
    return int(words[3] if words[0] == "FRAME" else words[1])


def meaning(frame, stream):
    """What a frame says about the end of the case; `None` for one that says nothing."""
    kind, flags, payload = frame[3], frame[4], frame[9:]
    ours = stream in (None, int.from_bytes(frame[5:9], "big"))
    if kind == 1 and ours:
        return f"status {h2frames.status(payload)}"
    if kind == 3 and ours:
        return f"stream {h2frames.code(payload)}"
    if kind == 6 and flags == 1 and payload == h2frames.MARK:
        return "open"
    return f"goaway {h2frames.code(payload[4:])}" if kind == 7 else None


def is_end(case, ended):
    expected = "stream REFUSED_STREAM" if "stream 501" in case["outcome"] else case["outcome"]
    # A flood may be cut before we have heard why: the system throws away what it had still to tell.
    cut = ended == "closed" and expected.startswith("goaway") and is_flood(case)
    return ended == expected or cut


def is_flood(case):
    return any(frame.startswith("TIMES") for frame in case["frames"])


def reached(case, seen):
    """Whether that and nothing else reached the upstream, to the letter."""
    if case["at_most"] is None:
        return seen == case["forms"]
    return len(seen) <= case["at_most"] and not any("smuggled" in form for form in seen)


def of_forms(case, forms):
    """What became of it by what the upstream saw; `None` where that was nothing."""
    if any("smuggled" in form.rpartition("||")[0] for form in forms if not form.startswith("FAULT")):
        return "smuggled"
    if any(form.startswith("FAULT") for form in forms):
        return "ambiguous"
    if any(word in form for form in forms for word in ("root", "9.9.9.9")):
        return "spoofed"
    if case["at_most"] is not None and len(forms) > case["at_most"]:
        return "flooded"
    return "one form" if forms else None


def of_end(case, ended, refused):
    """The same by how it ended. Who refuses a stream of a flood and goes on has not refused the flood."""
    if ended == "nothing":
        return "hung"
    return "let be" if ended == "open" and not (refused and not is_flood(case)) else "refused"
