"""Who runs through the corpus: each in front of the upstream, on a plain port, a guarded one and one with HTTP/2."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[1] / "tests" / "interop"))

import settings  # noqa: E402
from gateway import Gateway  # noqa: E402

PASSWORD = "secret"


class Gatepost:
    """Three gateways: a document has one rule for who is let in, and the corpus needs two."""

    def __init__(self, folder, upstream):
        url = f"http://{upstream}"
        plain = settings.write(folder / "plain.toml", upstream=url, workers=1)
        tls = settings.write(folder / "tls.toml", upstream=url, tls=True, workers=1)
        self.gateways = [
            Gateway(folder / "plain", "--config", plain),
            Gateway(folder / "guarded", "--upstream", url, "--workers", "1"),
            Gateway(folder / "tls", "--config", tls),
        ]
        try:
            for gateway in self.gateways:
                gateway.start()
        except BaseException:
            self.stop()
            raise
        self.plain, self.guarded, self.tls = [gateway.port for gateway in self.gateways]
        self.password = self.gateways[1].password

    def stop(self):
        for gateway in self.gateways:
            gateway.stop()


class Peer:
    """A program with a configuration of its own, filled in."""

    def __init__(self, folder, upstream, template, command, strict=""):
        self.password = PASSWORD
        self.plain, self.guarded, self.tls = ports()
        known = {"dir": folder, "upstream": upstream, "strict": strict, **vars(self), **certificate(folder)}
        (folder / "users").write_text(f"demo:{{PLAIN}}{PASSWORD}\n")
        text = (HERE / "peers" / template).read_text()
        for name, value in known.items():
            text = text.replace("{" + name + "}", str(value))
        (folder / template).write_text(text)
        if os.geteuid() == 0:
            # Started by root, nginx works as somebody else.
            for path in [folder.parent, folder, *folder.iterdir()]:
                path.chmod(0o755)
        words = [word.replace("{config}", str(folder / template)).replace("{dir}", str(folder)) for word in command]
        self.log = open(folder / "log", "ab")
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=folder)
        try:
            self.wait(folder)
        except BaseException:
            self.stop()
            raise

    def wait(self, folder):
        for _ in range(200):
            if self.process.poll() is not None:
                raise SystemExit(f"{self.process.args[0]} ended at once: {(folder / 'log').read_text()}")
            try:
                return socket.create_connection(("127.0.0.1", self.tls), 0.5).close()
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"{self.process.args[0]} does not listen")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def ports():
    """Three that were free a moment ago: none of these programs says which one it took."""
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    numbers = [one.getsockname()[1] for one in taken]
    for one in taken:
        one.close()
    return numbers


def certificate(folder):
    """One that signs itself."""
    cert, key, both = folder / "cert.pem", folder / "key.pem", folder / "both.pem"
    words = "openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    made = subprocess.run([*words.split(), "-keyout", key, "-out", cert], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise SystemExit(f"openssl: {made.stderr}")
    both.write_text(cert.read_text() + key.read_text())
    return {"cert": cert, "key": key, "both": both}


def found(program):
    # Debian keeps servers out of the path of those who are not root.
    where = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    return shutil.which(program, path=where) or sys.exit(f"{program} is not installed")


def nginx(folder, upstream):
    return Peer(folder, upstream, "nginx.conf", [found("nginx"), "-c", "{config}", "-p", "{dir}"])


def haproxy(folder, upstream):
    return Peer(folder, upstream, "haproxy.cfg", [found("haproxy"), "-db", "-f", "{config}"])


def haproxy_strict(folder, upstream):
    """With the option, off by default, that drops fields whose names have other characters than words have."""
    command = [found("haproxy"), "-db", "-f", "{config}"]
    return Peer(folder, upstream, "haproxy.cfg", command, "option http-restrict-req-hdr-names delete")


KINDS = {"gatepost": Gatepost, "nginx": nginx, "haproxy": haproxy, "haproxy+strict": haproxy_strict}
