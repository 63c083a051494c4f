"""The README of a package: how to verify it with nothing but Python."""

from __future__ import annotations

from hashlib import sha256

TEXT = """\
Evidence package of job {job}
=============================================================

This file holds what an AI agent did in one job, and the proof that nothing of it was changed since.

Verify it
---------
    python verify.py PACKAGE.zip --key PUBLIC_KEY

needs Python 3.11 or newer and nothing else. It ends with 0 if everything holds; else it names the first break.

Do not use the verify.py of this package if you do not trust whoever gave it to you: whoever forges a package can forge
the program inside it. Use a copy of your own. The one in here has the SHA-256

    {digest}

and is the file forensics/standalone.py of Aetheris; `aetheris verify PACKAGE.zip` runs the same checks.

Without --key it is only shown that the package is intact, whoever made it. Ask the owner of the system for the public
key by another way than this package. With --checkpoint FILE you hold it against a checkpoint of the transparency log that
you have kept yourself: a history that its owner rewrote cannot pass.

What is in it
-------------
manifest.json    format, job, head, what was withheld; every other file with its size and SHA-256
events.jsonl     the job's events, one a line; `raw` is the stored text that `digest` commits to
blobs.jsonl      large parts of bodies, by their SHA-256 (a body names them under "$blobs")
ledger.jsonl     every call that was promised, and what became of it
approvals.jsonl  every question to people: what they were shown, who answered what
evidence.json    the evidence graph, W3C PROV-JSON
checkpoint.txt   the signed head of the transparency log (C2SP tlog-checkpoint)
inclusion.json   the proof that the job's head is in that log (RFC 9162)
envelope.json    the signature over manifest.json (DSSE, in-toto Statement v1)

An event is bound so:
    digest = SHA-256(salt bytes + raw)
    hash   = SHA-256("aetheris.event.v1\\n" job "\\n" seq "\\n" type "\\n" node "\\n" at "\\n" digest "\\n" prev "\\n")
"""


def readme(job: str, program: bytes) -> str:
    """The text for one package.

    Args:
        job: the job's id.
        program: the verifier that lies beside it.
    """
    return TEXT.format(job=job, digest=sha256(program).hexdigest())
