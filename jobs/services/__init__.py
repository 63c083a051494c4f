"""The verbs that every face calls. Inside a caller's transaction they take effect only if it commits (Law L7)."""

from ..actors import actor_of, sender_of
from ..store.reencrypting import counts, reencrypt
from .approving import approve, decide, delegate, reject
from .confirming import accept_divergence, confirm
from .controlling import cancel, pause, resume
from .delivering import deliver_due
from .erasing import erase
from .forking import fork, retry
from .holding import hold, release
from .instances import create_agent, delete_agent, message_agent, pause_agent, resume_agent
from .notifying import notify_due
from .probing import probe
from .pruning import prune
from .pruning_asked import look, prune_seen
from .resolving import resolve
from .retaining import may_retain, retain
from .submitting import submit
from .telling import send_message, signal

__all__ = [
    "accept_divergence", "actor_of", "approve", "cancel", "confirm", "counts", "create_agent", "decide", "delegate", "delete_agent",
    "deliver_due", "erase", "fork", "hold", "look", "may_retain", "message_agent", "notify_due", "pause", "pause_agent", "probe", "prune", "prune_seen", "reject", "reencrypt", "release", "resolve",
    "resume", "resume_agent", "retain", "retry", "send_message", "sender_of", "signal", "submit",
]  # fmt: skip
