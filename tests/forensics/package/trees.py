"""Merkle trees by their definition in RFC 9162, to hold our reading of proofs against, and a log to put packages in."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from forensics import standalone


def tree(leaves: list[bytes]) -> bytes:
    """RFC 9162, 2.1.1, by its definition."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return standalone.node_hash(tree(leaves[:split]), tree(leaves[split:]))


def path_to(index: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*path_to(index, leaves[:split]), tree(leaves[split:])]
    return [*path_to(index - split, leaves[split:]), tree(leaves[:split])]


def growth(first: int, leaves: list[bytes], whole: bool = True) -> list[bytes]:
    """RFC 9162, 2.1.4.1, by its definition."""
    if first == len(leaves):
        return [] if whole else [tree(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if first <= split:
        return [*growth(first, leaves[:split], whole), tree(leaves[split:])]
    return [*growth(first - split, leaves[split:], False), tree(leaves[:split])]


def checkpoint(signer: Any, origin: str, leaves: list[bytes]) -> str:
    """The signed head of a log."""
    text = f"{origin}\n{len(leaves)}\n{b64encode(tree(leaves)).decode()}\n"
    signature = standalone.key_id(origin, signer.public) + signer.sign(text.encode())
    return f"{text}\n\u2014 {origin} {b64encode(signature).decode()}\n"
