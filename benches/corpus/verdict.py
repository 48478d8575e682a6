"""What can become of a case, from the best to the worst, and what was seen of it."""

from dataclasses import dataclass, field

OUTCOMES = {
    "refused": "nothing of it reached the upstream",
    "one form": "the strict reader read all that reached it, as what it is",
    "let be": "HTTP/2 only: nothing of it reached the upstream, the connection stayed open, others were served",
    "flooded": "more requests than the corpus allows reached the upstream",
    "ambiguous": "the strict reader objected to what reached it",
    "smuggled": "the request behind it was seen as part of it, or instead of it",
    "spoofed": "an identity that the client wrote reached the upstream, or the proxy's own was lost",
    "hung": "neither an answer nor the end of the connection, or another client was not served meanwhile",
}
BAD = ("flooded", "ambiguous", "smuggled", "spoofed", "hung")


@dataclass
class Verdict:
    group: str
    case: str
    outcome: str
    detail: str
    # Whether it is to the letter what the corpus says.
    expected: bool
    seen: list = field(default_factory=list)
