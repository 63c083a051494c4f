"""How the outside world behaves: a function of the seed, of what is asked for, and of how often it was asked."""

from __future__ import annotations

from hashlib import sha256

SEED = "AETHERIS_CHAOS_SEED"
LATE = 3.5  # seconds of an answer that comes after its call was given up
HANG = 7.0

# (mode, before or after the effect, seconds), and how many of a hundred first calls get it
EFFECTS: tuple[tuple[tuple[str, str, float], int], ...] = (
    (("slow", "before", 0.4), 8),
    (("fail", "before", 0.0), 3),
    (("fail", "after", 0.0), 3),
    (("drop", "before", 0.0), 2),
    (("drop", "after", 0.0), 3),
    (("slow", "after", LATE), 3),
    (("slow", "before", LATE), 2),
    (("hang", "before", HANG), 1),
)
READS: tuple[tuple[tuple[str, str, float], int], ...] = (
    (("fail", "before", 0.0), 12),
    (("drop", "before", 0.0), 4),
    (("slow", "before", 0.5), 8),
)
REFUSED = 8  # of a hundred first attempts: the tool itself knows that nothing was sent
NORMAL = ("normal", "before", 0.0)
CALM_AFTER = 3  # calls of one thing, so that every job can end


def draw(seed: int, *words: object) -> int:
    """A number below 100."""
    text = "\n".join(map(str, (seed, *words)))
    return int.from_bytes(sha256(text.encode()).digest()[:4]) % 100


def effect(seed: int, mark: str, number: int) -> tuple[str, str, float]:
    """How the service takes the call with that number (from 1) for that order."""
    return _of(EFFECTS, draw(seed, "effect", mark, number)) if number <= CALM_AFTER else NORMAL


def reading(seed: int, mark: str, number: int) -> tuple[str, str, float]:
    """How it answers a question."""
    return _of(READS, draw(seed, "reading", mark, number)) if number <= CALM_AFTER else NORMAL


def refused(seed: int, mark: str, attempt: int) -> bool:
    """Whether the tool says that nothing has left, instead of calling."""
    return attempt < CALM_AFTER and draw(seed, "refused", mark, attempt) < REFUSED


def _of(moods: tuple[tuple[tuple[str, str, float], int], ...], number: int) -> tuple[str, str, float]:
    for mood, share in moods:
        number -= share
        if number < 0:
            return mood
    return NORMAL
