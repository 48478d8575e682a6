"""Debian's Chromium, driven by Playwright in Node.js."""

import json
import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent / "node"


def node(script, *words):
    """The command line for one of our scripts, where its modules are found."""
    root = Path(os.environ["NODE_ROOT"])
    # Modules are looked for beside the script, so it goes where they are.
    copy = root / script
    copy.write_text((HERE / script).read_text())
    return ["node", str(copy), *map(str, words)]


def browse(page, sockets, flags=()):
    """What a page at `page` saw of the WebSockets that it was told to open, one after the other."""
    wanted = {"executable": shutil.which("chromium"), "page": page, "flags": list(flags), "sockets": sockets}
    done = subprocess.run(node("browser.mjs", json.dumps(wanted)), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
