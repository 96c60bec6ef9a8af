"""What runs below a process, read from /proc: to prove that nothing is left behind."""

import os
import signal
from pathlib import Path


def _stat(pid):
    """(parent, start time, state) of a process, or None when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text[text.rindex(")") + 2:].split()
    return int(fields[1]), int(fields[19]), fields[0]


def descendants(pid):
    """Every living process below `pid`, as (pid, start time): a number alone may be given to somebody else later."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (stat := _stat(int(entry))):
            parents.setdefault(stat[0], []).append((int(entry), stat[1]))
    found, look = [], [pid]
    while look:
        for child in parents.get(look.pop(), []):
            found.append(child)
            look.append(child[0])
    return found


def identity(pid):
    """(pid, start time) of one process."""
    stat = _stat(pid)
    return (pid, stat[1]) if stat else None


def alive(identities):
    """Those of `identities` that still run; a zombie has ended."""
    found = []
    for pid, started in identities:
        stat = _stat(pid)
        if stat and stat[1] == started and stat[2] not in "ZX":
            found.append((pid, started))
    return found


def name(pid):
    """The command line of a process, for a failure's message."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return "(gone)"


def resident_kilobytes(pid):
    """Resident memory of one process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def cpu_seconds(pid):
    """User and system time a process has used."""
    text = Path(f"/proc/{pid}/stat").read_text()
    fields = text[text.rindex(")") + 2:].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def die_with_parent():
    """For `preexec_fn`: the kernel kills the child when the test run dies, so that an aborted run leaves nothing."""
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
