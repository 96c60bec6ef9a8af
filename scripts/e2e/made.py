"""Media that is made on the first call and kept: one maker at a time, whichever worker of the suite asks."""

import fcntl

from places import CLIPS


def made_once(name, make):
    """The file `name` among the clips. Where there is none yet, `make(part)` writes it to the path `part`, with whatever ending
    `name` has; nobody sees a half-made file, and who asks meanwhile waits for the maker.
    """
    file = CLIPS / name
    if file.exists():
        return file
    CLIPS.mkdir(parents=True, exist_ok=True)
    part = CLIPS / f"part-{name}"
    with open(CLIPS / f"{name}.lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # What a killed maker left is written over.
        if not file.exists():
            make(part)
            part.rename(file)
    return file
