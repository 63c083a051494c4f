"""The transparency log: an RFC 9162 tree of the heads of jobs and access logs, with signed checkpoints."""

from .checking import LogBreak, LogFound, verify_log
from .heads import append_heads
from .keyring import signer
from .reading import first_with, key_of, last_leaf, latest, leaves_of, tree
from .writing import add, checkpoint

__all__ = [
    "LogBreak", "LogFound", "add", "append_heads", "checkpoint", "first_with", "key_of", "last_leaf", "latest", "leaves_of", "signer", "tree",
    "verify_log",
]  # fmt: skip
