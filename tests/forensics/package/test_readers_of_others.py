"""Readers that are not ours: DSSE by securesystemslib, PROV-JSON by prov, the ZIP by Python; and RFC 8032 by its vectors."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from prov.model import ProvDocument
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer._key import SSlibKey

from forensics import standalone
from forensics.package import export
from tests.forensics.cast import CAST
from tests.forensics.package.packing import Copy, Stranger, our_key
from tests.forensics.package.trees import growth, path_to, tree

# RFC 8032, 7.1, tests 1 to 3: public key, message, signature.
VECTORS = [
    ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
    ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
]  # fmt: skip


def _key(public: bytes, keyid: str) -> SSlibKey:
    made = SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(public))
    return SSlibKey(keyid, made.keytype, made.scheme, made.keyval)


@pytest.mark.usefixtures("here")
def test_the_envelope_verifies_with_securesystemslib_and_binds_the_manifest(tmp_path: Path) -> None:
    export(CAST["approved_and_paid"](), tmp_path / "a.zip")
    copy = Copy(tmp_path / "a.zip")
    told = json.loads(copy.files[standalone.ENVELOPE])
    envelope = Envelope.from_dict(json.loads(copy.files[standalone.ENVELOPE]))
    keyid = told["signatures"][0]["keyid"]
    assert list(envelope.verify([_key(our_key(), keyid)], 1)) == [keyid]
    with pytest.raises(VerificationError):
        envelope.verify([_key(Stranger().public, keyid)], 1)
    statement = json.loads(envelope.payload)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    digest = standalone.sha256(copy.files[standalone.MANIFEST])
    assert statement["subject"] == [{"name": "manifest.json", "digest": {"sha256": digest}}]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", ["approved_and_paid", "compensated", "not_begun", "of_workflow_nodes"])
def test_the_graph_loads_in_the_library_of_prov(name: str, tmp_path: Path) -> None:
    export(CAST[name](), tmp_path / "a.zip")
    document = ProvDocument.deserialize(content=Copy(tmp_path / "a.zip").files[standalone.EVIDENCE].decode())
    assert list(document.get_records())


@pytest.mark.usefixtures("here")
def test_the_zip_is_one_for_any_reader(tmp_path: Path) -> None:
    export(CAST["with_a_large_body"](), tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as package:
        assert package.namelist() == list(standalone.FILES)
        assert package.testzip() is None


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_signatures_are_checked_as_rfc_8032_says_without_any_library(
    public: str, message: str, signature: str
) -> None:
    parts = bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)
    assert standalone.plain_ed25519(*parts)
    key, said, signed = parts
    assert not standalone.plain_ed25519(key, said + b"x", signed)
    larger = (
        int.from_bytes(signed[32:], "little") + 2**252 + 27742317777372353535851937790883648493
    ).to_bytes(32, "little")
    assert not standalone.plain_ed25519(key, said, signed[:32] + larger), (
        "a second form of the same signature"
    )
    assert not standalone.plain_ed25519(key, said, signed[:-1])


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=40), st.integers(0, 511))
def test_our_own_check_agrees_with_the_library(seed: bytes, message: bytes, bit: int) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = private.public_key().public_bytes_raw(), bytearray(private.sign(message))
    assert standalone.plain_ed25519(public, message, bytes(signature))
    signature[bit // 8] ^= 1 << bit % 8
    assert standalone.plain_ed25519(public, message, bytes(signature)) is standalone.signed_by(
        public, message, bytes(signature)
    )


@pytest.mark.parametrize("size", range(1, 18))
def test_proofs_of_every_tree_up_to_seventeen_leaves_are_read_as_rfc_9162_says(size: int) -> None:
    leaves = [standalone.leaf_hash(bytes([number])) for number in range(size)]
    root = tree(leaves)
    for index in range(size):
        path = path_to(index, leaves)
        assert standalone.root_of(leaves[index], index, size, path) == root
        assert standalone.root_of(leaves[index], index, size, [*path, root]) != root
        assert size == 1 or standalone.root_of(leaves[index], (index + 1) % size, size, path) != root
    for first in range(1, size + 1):
        path, old = growth(first, leaves), tree(leaves[:first])
        assert standalone.grew(first, old, size, root, path)
        assert not standalone.grew(first, leaves[0][::-1], size, root, path)
        assert not standalone.grew(first, old, size, root, [*path, root])
        assert first == size or not standalone.grew(first, old, size, root, path[:-1])
