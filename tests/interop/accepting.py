"""A server on a free port of loopback: one thread accepts, and one for each connection."""

import socket
import threading


class Accepting:
    """Gives every connection to `serve(connection)`, which a test's server defines."""

    def __init__(self, backlog=128):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def stop(self):
        self.listener.close()
