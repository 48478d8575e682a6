"""The upstream: answers 200 to each whole request, keeps its connections open, and writes down what reaches it."""

import selectors
import socket
import threading
import time

import strict

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Recorder:
    """One thread on loopback. Forms of whole requests are kept, and `FAULT` where the strict reader objects."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.listener.setblocking(False)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.forms, self.octets, self.buffers = [], [], {}
        self.lock, self.over = threading.Lock(), False
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def stop(self):
        self.over = True
        self.thread.join()

    def take(self):
        """(Forms, all octets) that came since the last call, in the order in which they came.

        A request that broke off is no form: no server acts on it. But one that still waits for more when its client is
        long gone is a fault: the proxy thinks that it is whole, and what comes next becomes part of it.
        """
        end = time.monotonic() + 0.5
        time.sleep(0.01)
        while any(self.buffers.values()) and time.monotonic() < end:
            time.sleep(0.01)
        with self.lock:
            for connection, buffer in list(self.buffers.items()):
                if buffer:
                    self.forms.append(f"FAULT waits for more: {strict.show(buffer)}")
                    self.drop(connection)
            taken = self.forms, b"".join(self.octets)
            self.forms, self.octets = [], []
        return taken

    def run(self):
        while not self.over:
            for key, _ in self.selector.select(0.2):
                with self.lock:
                    self.turn(key.fileobj)
        for connection in [*self.buffers, self.listener]:
            connection.close()

    def turn(self, ready):
        if ready is self.listener:
            connection, _ = ready.accept()
            self.buffers[connection] = b""
            self.selector.register(connection, selectors.EVENT_READ)
        elif ready in self.buffers:
            self.hear(ready)

    def hear(self, connection):
        try:
            more = connection.recv(1 << 18)
        except OSError:
            more = b""
        if not more:
            return self.drop(connection)
        self.octets.append(more)
        self.buffers[connection] += more
        try:
            while (one := strict.read(self.buffers[connection])) is not None:
                form, length, last = one
                self.forms.append(form)
                self.buffers[connection] = self.buffers[connection][length:]
                connection.sendall(ANSWER)
                if last:
                    return self.drop(connection)
        except strict.Fault as fault:
            self.forms.append(f"FAULT {fault}: {strict.show(self.buffers[connection])}")
            self.drop(connection)
        except OSError:
            self.drop(connection)

    def drop(self, connection):
        self.selector.unregister(connection)
        del self.buffers[connection]
        connection.close()
