"""Python's garbage collector in a worker: it looks less often, and not at what stays."""

from __future__ import annotations

import gc

PYTHONS_OWN, LESS_OFTEN = (700, 10, 10), (10_000, 10, 10)


def spare_the_collector() -> None:
    """Take what is loaded by now out of the garbage collector's sight, and let it look less often.

    A step makes and drops some thousand objects, hardly any of them in a circle; every look went through all of Django too.
    """
    gc.freeze()  # without a look before: in a forked child it would copy every page that the parent shares
    if gc.get_threshold() == PYTHONS_OWN:  # who has set others knows why
        gc.set_threshold(*LESS_OFTEN)
