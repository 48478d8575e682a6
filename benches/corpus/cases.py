"""The files of tests/corpus, and how they write octets."""

import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "corpus"
ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.)")
PLAIN = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\"}


def unescape(text):
    """Reads `\\r`, `\\n`, `\\t`, `\\0`, `\\\\` and `\\xNN`; all else stands for itself."""
    return ESCAPE.sub(lambda at: chr(int(at[1][1:], 16)) if at[1][0] == "x" else PLAIN[at[1]], text).encode("latin-1")


def pairs(name):
    """The cases of a file: the first word of each line, the octets of the rest, and these as they are written."""
    for line in (FOLDER / "http1" / name).read_text().splitlines():
        if line and not line.startswith("#"):
            word, _, text = line.partition(" ")
            yield word, unescape(text), text


def carried():
    """(Request, as it is written, the forms that it is read in)."""
    found = []
    for mark, octets, text in pairs("carried.txt"):
        if mark == ">":
            found.append((octets, text, []))
        else:
            found[-1][2].append(octets)
    return found


def abuses():
    """The cases of http2/abuses.txt. Where requests of a flood are only counted, `at_most` says how many may pass."""
    found, lines = [], (FOLDER / "http2" / "abuses.txt").read_text().splitlines()
    for line in lines[lines.index("") :]:
        mark, _, text = line.partition(" ")
        if mark == "#":
            found.append({"name": text, "frames": [], "outcome": "", "forms": [], "at_most": None})
        elif mark == ">":
            found[-1]["frames"].append(text)
        elif mark == "=":
            found[-1]["outcome"] = text
        elif mark == "<":
            found[-1]["forms"].append(text)
        elif mark == "~":
            found[-1]["at_most"] = int(text)
    # A title has no frames.
    return [case for case in found if case["frames"]]
