"""An upstream that does what a test says, and keeps what it saw."""

import socket
import struct
import time

from accepting import Accepting


class Faulty(Accepting):
    """Every request head on every connection is given to `act(conversation)`; what that returns false for is closed.

    `heads` holds the request heads, `connections` counts, `ended` holds when the gateway left a connection.
    """

    def __init__(self, act):
        self.act = act
        self.heads = []
        self.connections = 0
        self.ended = []
        super().__init__(backlog=256)

    def serve(self, connection):
        self.connections += 1
        conversation = Conversation(connection)
        with connection:
            try:
                while True:
                    head = conversation.head()
                    if head is None:
                        break
                    self.heads.append(head)
                    conversation.number = len(self.heads)
                    if not self.act(conversation):
                        return
            except OSError:
                pass
            self.ended.append(time.monotonic())


class Conversation:
    """One connection of the gateway, from the upstream's side."""

    def __init__(self, connection):
        self.connection = connection
        self.connection.settimeout(60)
        self.heard = b""
        self.asked = b""
        self.number = 0

    def head(self):
        """The next request head, `None` if there will be none."""
        while b"\r\n\r\n" not in self.heard:
            more = self.connection.recv(65536)
            if not more:
                return None
            self.heard += more
        head, self.heard = self.heard.split(b"\r\n\r\n", 1)
        self.asked = head
        return head + b"\r\n\r\n"

    def say(self, data):
        self.connection.sendall(data)
        return True

    def whole(self, body=b"whole"):
        """A faultless answer."""
        return self.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    def until_left(self):
        """Reads until the gateway leaves."""
        while self.connection.recv(65536):
            pass
        raise ConnectionError("the gateway has left")

    def reset(self):
        """Ends it in disorder."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False
