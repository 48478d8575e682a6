"""A server that must fail: it echoes whatever comes, checks neither UTF-8 nor reserved bits, and speaks no deflate."""

import base64
import hashlib
import socketserver
import struct

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Careless(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            self.upgrade()
            self.echo()
        except (OSError, struct.error, IndexError):
            return

    def upgrade(self):
        key = b""
        while (line := self.rfile.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            key = value.strip() if name.lower() == b"sec-websocket-key" else key
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        self.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    def echo(self):
        kind, message = 0, b""
        while True:
            first, payload = self.frame()
            opcode = first & 15
            if opcode == 8:
                return self.send(8, payload)
            if opcode == 9:
                self.send(10, payload)
            elif opcode in (0, 1, 2):
                kind, message = opcode or kind, message + payload
                if first & 128:
                    self.send(kind, message)
                    message = b""

    def frame(self):
        first, second = self.rfile.read(2)
        length = second & 127
        if length >= 126:
            form, size = ("!H", 2) if length == 126 else ("!Q", 8)
            (length,) = struct.unpack(form, self.rfile.read(size))
        mask, payload = self.rfile.read(4), self.rfile.read(length)
        whole = int.from_bytes(payload, "big") ^ int.from_bytes((mask * (length // 4 + 1))[:length], "big")
        return first, whole.to_bytes(length, "big")

    def send(self, opcode, payload):
        length = len(payload)
        if length < 126:
            head = struct.pack("!BB", 128 | opcode, length)
        elif length < 65536:
            head = struct.pack("!BBH", 128 | opcode, 126, length)
        else:
            head = struct.pack("!BBQ", 128 | opcode, 127, length)
        self.wfile.write(head + payload)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


with Server(("127.0.0.1", 0), Careless) as server:
    print(f"listening on ws://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()
