"""The envelope: a DSSE signature over an in-toto Statement v1 whose subject is the manifest.

DSSE v1 (secure-systems-lab/dsse), in-toto Attestation Framework, Statement v1.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

from jobs.core.chain import canonical
from jobs.keys import Signer

from ..standalone import MANIFEST, PAYLOAD_TYPE, PREDICATE, STATEMENT, key_id, pae


def enveloped(manifest: bytes, job: str, seq: int, hash: str, signer: Signer) -> bytes:
    """The file `envelope.json`.

    Args:
        manifest: content of `manifest.json`.
        job: the job's id.
        seq: number of its head.
        hash: of its head.
        signer: who signs.
    """
    payload = canonical({
        "_type": STATEMENT, "predicateType": PREDICATE,
        "subject": [{"name": MANIFEST, "digest": {"sha256": sha256(manifest).hexdigest()}}],
        "predicate": {"job": job, "head": {"seq": seq, "hash": hash}},
    }).encode("ascii")  # fmt: skip
    signature = signer.sign(pae(PAYLOAD_TYPE, payload))
    keyid = f"{signer.name}+{key_id(signer.name, signer.public).hex()}"
    told = {
        "payload": b64encode(payload).decode(), "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": keyid, "sig": b64encode(signature).decode()}],
    }  # fmt: skip
    return (canonical(told) + "\n").encode("ascii")
