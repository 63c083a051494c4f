"""The effect that is counted: one line, fsynced. The first caller dies before anybody can record it."""

import os

LOG = os.environ.get("CRASHLAB_LOG", "effects.log")


def charge() -> str:
    """Charge; who does it first is killed directly after."""
    first = not os.path.exists(LOG)
    line = os.open(LOG, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.write(line, b"charge\n")
    os.fsync(line)
    os.close(line)
    if first:
        os.kill(os.getpid(), 9)
    return "charged"


def charges() -> int:
    """How often it has happened."""
    if not os.path.exists(LOG):
        return 0
    with open(LOG, encoding="ascii") as lines:
        return sum(1 for _ in lines)
