"""Signatures of webhooks as the Standard Webhooks specification has them."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from jobs.notify import signing

# From the test suites of the reference libraries (github.com/standard-webhooks/standard-webhooks).
SECRET, ID, AT = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_vector_of_the_reference_libraries() -> None:
    assert signing.headers([SECRET], ID, AT, BODY) == {
        "webhook-id": ID, "webhook-timestamp": str(AT), "webhook-signature": SIGNATURE,
    }  # fmt: skip


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_in_a_rotation_each_secret_signs(new: bytes, old: bytes, body: bytes) -> None:
    secrets = [signing.made(signing.SYMMETRIC, each) for each in (new, old)]
    told = signing.headers(secrets, "msg_1", 5, body)["webhook-signature"].split(" ")
    for key, signature in zip((new, old), told, strict=True):
        expected = hmac.new(key, b"msg_1.5." + body, hashlib.sha256).digest()
        assert signature == "v1," + base64.b64encode(expected).decode()


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_an_asymmetric_signature_is_checked_with_the_public_key_alone(seed: bytes, body: bytes) -> None:
    secret = signing.made(signing.PRIVATE, seed)
    public = base64.b64decode(signing.public_of(secret).removeprefix(signing.PUBLIC))
    version, _, signature = signing.headers([secret], "msg_1", 5, body)["webhook-signature"].partition(",")
    assert version == "v1a"
    Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(signature), b"msg_1.5." + body)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_AAAA", "whsec_???", "whsk_AAAA", "hunter2-hunter2", "whsec_" + "A" * 200]
)
def test_what_is_no_secret_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="sec") as told:
        signing.checked(secret)
    assert not secret.removeprefix("whsec_") or secret not in str(told.value)


def test_a_public_key_is_given_only_where_there_is_one() -> None:
    assert signing.public_of(SECRET) == ""
    assert signing.checked(SECRET) == SECRET
