"""What the system says about a running process."""

import os
from pathlib import Path


def cpu_seconds(pid):
    """Time that it has computed for, so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def descriptors(pid):
    """How many file descriptors it has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident(pid):
    """Octets of memory that it holds."""
    return status(pid, "VmRSS:")


def addresses(pid):
    """Octets of its address space, used or not: what RLIMIT_AS bounds."""
    return status(pid, "VmPeak:")


def status(pid, name):
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split(name)[1].split()[0]) * 1024
