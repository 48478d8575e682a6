"""A strict reader of HTTP/1 requests: one form, or a fault that names what two readers could read differently.

It shares no code with the product. It objects to all that RFC 9112 does not let a sender write, and to targets that
servers resolve in more than one way.
"""

import re

TOKEN = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(:[0-9]{1,5})?")
ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})?")
FRAMING = {b"content-length", b"transfer-encoding", b"host"}
# RFC 9110 §6.5.1: what a trailer section may not say.
NO_TRAILERS = {b"content-length", b"transfer-encoding", b"host", b"authorization", b"trailer", b"te", b"connection"}


class Fault(Exception):
    """Octets that a strict server refuses."""


def show(octets):
    """As Rust's `escape_ascii` writes it, which is how the corpus writes forms."""
    names = {9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 39: "\\'", 92: "\\\\"}
    return "".join(names.get(octet) or (chr(octet) if 32 <= octet < 127 else f"\\x{octet:02x}") for octet in octets)


def read(octets):
    """The first request: (form, its length, whether the connection ends with it); `None` if it is not whole yet."""
    end = octets.find(b"\r\n\r\n")
    if end < 0:
        return None
    line, *lines = octets[:end].split(b"\r\n")
    method, target, version = request_line(line)
    fields = [field(one) for one in lines]
    values = {name: [value for other, value in fields if other == name] for name, _ in fields}
    check(values)
    target = origin_form(target, values[b"host"][0])
    read = body(octets[end + 4 :], values, version)
    if read is None:
        return None
    content, trailers, length = read
    told = [b"%s: %s|" % one for one in sorted(fields)] + [b"trailer %s: %s|" % one for one in trailers]
    form = f"{show(method)} {show(target)}|{show(b''.join(told))}|{show(content)}"
    last = version == b"HTTP/1.0" or b"close" in tokens(values.get(b"connection", []))
    return form, end + 4 + length, last


def request_line(line):
    words = line.split(b" ")
    if len(words) != 3 or not TOKEN.fullmatch(words[0]) or words[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
        raise Fault("request line")
    if words[0] == b"CONNECT":
        raise Fault("target")
    return words


def origin_form(target, host):
    """A server takes the absolute form too (RFC 9112 §3.2.2), which is plain where it says what Host says."""
    whole = re.fullmatch(rb"http://([^/?#]*)(.*)", target, re.DOTALL)
    if whole and whole[1].lower() == host.lower():
        target = whole[2]
    if not is_plain_target(target):
        raise Fault("target")
    return target


def is_plain_target(target):
    """Whether every server finds the same resource at the end of this path: RFC 3986 §6.2.2 leaves nothing to do."""
    path, _, _ = target.partition(b"?")
    if not path.startswith(b"/") or re.search(rb"[^\x21-\x7e]|#", target):
        return False
    for found in ESCAPE.finditer(path):
        octet = found[1] and bytes.fromhex(found[1].decode())
        # Broken, or needless, or a slash, a percent sign, a backslash, or a control in disguise.
        if not octet or re.fullmatch(rb"[A-Za-z0-9._~/%\\\x00-\x1f\x7f-]", octet):
            return False
    if re.search(rb'[\\<>"^`{|}]', path):
        return False
    # Some servers cut parameters off a segment before they look at it, or after they resolved its escapes.
    names = [re.split(rb";|%3[bB]", segment)[0] for segment in path[1:].split(b"/")]
    *folders, last = names
    empty_last = last == b"" and path[1:].split(b"/")[-1] != b""
    return b"" not in folders and not empty_last and b"." not in names and b".." not in names


def field(line):
    name, colon, value = line.partition(b":")
    if not colon or not TOKEN.fullmatch(name) or not VALUE.fullmatch(value):
        raise Fault("field")
    name = name.lower()
    # Who hands fields on as variables (RFC 3875 §4.1.18) takes these for the field that they look like.
    if name not in FRAMING and re.sub(rb"[^a-z0-9]", b"-", name) in FRAMING:
        raise Fault("spelling")
    return name, value.strip(b" \t")


def check(values):
    """The fields that decide where a request goes and how it is framed."""
    hosts = values.get(b"host", [])
    found = HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    if not found or int((found[2] or b":0")[1:]) > 65535:
        raise Fault("host")
    if [value.lower() for value in values.get(b"expect", [])] not in ([], [b"100-continue"]):
        raise Fault("expect")
    # An upgrade to h2c makes a tunnel of the connection, behind which nobody reads any more.
    if [value.lower() for value in values.get(b"upgrade", [])] not in ([], [b"websocket"]):
        raise Fault("upgrade")


def tokens(values):
    return [token.strip(b" \t").lower() for value in values for token in value.split(b",")]


def body(rest, values, version):
    """(Content, trailers, length on the wire); `None` if it is not whole yet."""
    lengths, codings = values.get(b"content-length", []), values.get(b"transfer-encoding", [])
    if not lengths and not codings:
        return b"", [], 0
    if len(lengths) == 1 and not codings and re.fullmatch(rb"[0-9]{1,18}", lengths[0]):
        length = int(lengths[0])
        return (rest[:length], [], length) if len(rest) >= length else None
    if not lengths and [coding.lower() for coding in codings] == [b"chunked"] and version == b"HTTP/1.1":
        return chunked(rest)
    raise Fault("framing")


def chunked(octets):
    """Without extensions, which no proxy has a need to send."""
    content, at = b"", 0
    while True:
        end = octets.find(b"\r\n", at)
        if end < 0:
            return None
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", octets[at:end]):
            raise Fault("chunk size")
        size, at = int(octets[at:end], 16), end + 2
        if size == 0:
            return trailers(octets, content, at)
        if len(octets) < at + size + 2:
            return None
        content, at = content + octets[at : at + size], at + size + 2
        if octets[at - 2 : at] != b"\r\n":
            raise Fault("chunk end")


def trailers(octets, content, at):
    found = []
    while True:
        end = octets.find(b"\r\n", at)
        if end < 0:
            return None
        line, at = octets[at:end], end + 2
        if not line:
            return content, found, at
        found.append(field(line))
        if found[-1][0] in NO_TRAILERS:
            raise Fault("trailer")
