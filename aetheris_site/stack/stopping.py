"""Stop a stack: ask every part to end, wait for what it is doing, and leave no process behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from . import processes, register
from .failures import StackError
from .parts import Part
from .place import Place
from .processes import Running
from .say import Say

_GRACE = 10.0  # of a part that is no longer among those we would start
_KILLED = 10.0


def stop(place: Place, parts: Sequence[Part], say: Say) -> None:
    """Stop everything that this stack has running; nothing running is no error.

    Raises:
        StackError: a process is still there after SIGKILL.
    """
    running = register.living(place)
    left = register.strays(place, running)
    if not running and not left:
        say("Nothing runs.")
    end(place, parts, [*running.values(), *left], say)
    register.forget(place)


def end(place: Place, parts: Sequence[Part], group: Sequence[Running], say: Say) -> None:
    """SIGTERM, the time that each part needs to drain, then SIGKILL, to these processes and their children.

    Raises:
        StackError: a process is still there after SIGKILL.
    """
    known = {part.name: part for part in parts}
    last = {name for name, part in known.items() if part.last}
    for wave in (
        [each for each in group if each.name not in last],
        [each for each in group if each.name in last],
    ):
        _end_wave(place, known, wave, say)


def _end_wave(place: Place, known: Mapping[str, Part], wave: Sequence[Running], say: Say) -> None:
    if not wave:
        return
    for each in wave:
        processes.ask_to_end(each)
    grace = max(known[each.name].grace if each.name in known else _GRACE for each in wave)
    late = processes.wait_until_gone(wave, grace)
    if late:
        say(f"Killed after {grace:g} s: {_names(late)}.")
    names = {each.name for each in wave}
    rest = [Running(name, found) for name, found in processes.marked(place.folder) if name in names]
    for each in (*late, *rest):
        processes.kill(each.process)
    if stubborn := processes.wait_until_gone((*late, *rest), _KILLED):
        raise StackError(
            f"{_names(stubborn)} still runs {_KILLED:g} s after SIGKILL; is it stuck in a device or file system?"
        )
    say(f"Stopped {_names(wave)}.")


def _names(group: Iterable[Running]) -> str:
    return ", ".join(sorted({f"{each.name} ({each.pid})" for each in group}))
