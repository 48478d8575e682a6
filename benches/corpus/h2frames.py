"""Writes the HTTP/2 frames of http2/abuses.txt, good and bad: nothing here keeps anybody from breaking RFC 9113."""

import re

from cases import unescape

# The preface, and a SETTINGS frame that keeps HPACK's table empty, so that what comes back can be read without one.
OPENING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000006040000000000000100000000")
# What tells our PING from any in a flood.
MARK = b"the end."
CODES = (
    "NO_ERROR PROTOCOL_ERROR INTERNAL_ERROR FLOW_CONTROL_ERROR SETTINGS_TIMEOUT STREAM_CLOSED FRAME_SIZE_ERROR"
    " REFUSED_STREAM CANCEL COMPRESSION_ERROR CONNECT_ERROR ENHANCE_YOUR_CALM INADEQUATE_SECURITY HTTP_1_1_REQUIRED"
).split()
FLAGS = {"E": 1, "H": 4, "-": 0}
KINDS = {"DATA": 0, "HEADERS": 1, "CONTINUATION": 9}
KNOWN = "200 204 206 304 400 404 500".split()


def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def case(lines):
    """All octets of a case, with our PING behind them where they are frames at all."""
    octets, odd = b"", 1
    for line in lines:
        if line.startswith("TIMES "):
            _, count, pattern = line.split(" ", 2)
            octets, odd = octets + times(int(count), pattern, odd), odd + 2 * int(count)
        else:
            octets += one(line)
    return octets if lines[0].startswith("OCTETS") else OPENING + octets + frame(6, 0, 0, MARK)


def times(count, pattern, odd):
    if "{odd}" not in pattern:
        return b"".join(one(part) for part in pattern.split(" | ")) * count
    streams = range(odd, odd + 2 * count, 2)
    return b"".join(one(part.replace("{odd}", str(stream))) for stream in streams for part in pattern.split(" | "))


def one(line):
    word, *words = line.split(" ")
    if word == "OCTETS":
        return bytes.fromhex(words[0])
    if word == "FRAME":
        kind, flags, stream, payload = words
        return frame(int(kind, 16), int(flags, 16), int(stream), bytes.fromhex(payload.lstrip("-")))
    stream, flags, *parts = words
    payload = value("".join(parts)) if word == "DATA" else b"".join(field(part) for part in parts)
    return frame(KINDS[word], sum(FLAGS[flag] for flag in flags), int(stream), payload)


def field(text):
    """One field in HPACK (RFC 7541 §6), never in Huffman's code."""
    if text.startswith("$"):
        good = [f":method={text[1:]}", ":scheme=https", ":authority=localhost", ":path=/"]
        return b"".join(field(part) for part in good)
    if text.startswith("@"):
        entry, _, count = text[1:].partition("*")
        return integer(0x80, int(entry)) * int(count or 1)
    first = 0x40 if text.startswith("+") else 0
    text = text.removeprefix("+")
    # The name of a pseudo-field begins with a colon, an empty name with the sign itself.
    at = 0 if text.startswith("=") else text.index("=", 1)
    return bytes([first]) + string(unescape(text[:at])) + string(value(text[at + 1 :]))


def string(octets):
    return integer(0, len(octets)) + octets


def value(text):
    return b"a" * int(text[1:]) if re.fullmatch(r"\*\d+", text) else unescape(text)


def integer(first, number):
    """RFC 7541 §5.1, with a prefix of 7 bits."""
    if number < 127:
        return bytes([first | number])
    octets, rest = [first | 127], number - 127
    while rest >= 128:
        octets.append(rest % 128 | 128)
        rest //= 128
    return bytes([*octets, rest])


def code(payload):
    number = int.from_bytes(payload[:4], "big")
    return CODES[number] if len(payload) >= 4 and number < len(CODES) else "unknown"


def status(block):
    """Of a response whose encoder has no table: indexed, or literal, its three digits plain or in Huffman's code."""
    while block and block[0] & 0xE0 == 0x20:
        block = block[1:]
    if block and 0x88 <= block[0] <= 0x8E:
        return KNOWN[block[0] - 0x88]
    if len(block) > 1 and block[1] == 3:
        return block[2:5].decode("latin-1")
    return huffman(block[2:5]) if len(block) > 3 and block[1] & 0x80 else "unknown"


def huffman(octets):
    """Three digits (RFC 7541 appendix B): 0 to 2 have five bits, the others six."""
    bits, digits = "".join(f"{octet:08b}" for octet in octets), ""
    while len(digits) < 3:
        wide = 5 if int(bits[:5], 2) <= 2 else 6
        digits, bits = digits + str(int(bits[:wide], 2) - (22 if wide == 6 else 0)), bits[wide:]
    return digits
