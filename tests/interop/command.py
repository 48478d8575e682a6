"""Every word that the tests say to the `gatepost` command, in one place."""

import os
import subprocess
from pathlib import Path

LIMIT = 30  # seconds that any one call may take


def binary():
    """The command under test, which `cargo xtask test` names."""
    path = os.environ.get("GATEPOST_BIN")
    if not path:
        raise RuntimeError("GATEPOST_BIN must name the gatepost command")
    return str(Path(path).resolve())


def environment(home):
    """No setting of whoever runs the tests reaches the command, and nothing lands in their folders."""
    mine = ("GATEPOST_", "XDG_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(mine)}
    return kept | {"HOME": str(home), "NO_COLOR": "1"}


def gatepost(state, *words, secret=None):
    """Runs the command on a state to its end and returns what it did; `secret` goes to its standard input."""
    return run(Path(state).parent, *words, "--state", state, secret=secret)


def run(home, *words, secret=None):
    """The same for the verbs that have no state."""
    return subprocess.run(
        [binary(), *map(str, words)],
        input=None if secret is None else secret + "\n",
        stdin=subprocess.DEVNULL if secret is None else None,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        env=environment(home),
        check=False,
    )


def add_user(state, name, password):
    """`gatepost user add`; the password is never an argument."""
    return gatepost(state, "user", "add", name, "--password-stdin", secret=password)


def users(state):
    """The names that `gatepost user list` prints."""
    listing = gatepost(state, "user", "list")
    assert listing.returncode == 0, listing.stderr
    return {word for line in listing.stdout.splitlines() for word in line.split()}


def add_credential(state, name, url, user, password):
    """`gatepost credential add`: what the client may send to `url`."""
    return gatepost(state, "credential", "add", name, "--scope", url, "--user", user, "--password-stdin", secret=password)


def credentials(state):
    """The words that `gatepost credential list` prints."""
    listing = gatepost(state, "credential", "list")
    assert listing.returncode == 0, listing.stderr
    return {word for line in listing.stdout.splitlines() for word in line.split()}


def token(state, user):
    """A bearer token of the state's own issuer."""
    issued = gatepost(state, "token", "issue", "--user", user)
    assert issued.returncode == 0, issued.stderr
    return issued.stdout.strip()


def check_config(home, path):
    """`gatepost config check`."""
    return run(home, "config", "check", path)


def get(state, url, ca, credential, scheme):
    """`gatepost get`: the client end of the same scheme."""
    return gatepost(state, "get", url, "--ca", ca, "--credential", credential, "--auth", scheme)
