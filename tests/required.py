"""What a test does when something of the machine is missing: skip, or fail where it is required."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

REQUIRE = "AETHERIS_REQUIRE"
TEST_RABBITMQ_URL = "AETHERIS_TEST_RABBITMQ_URL"  # of a RabbitMQ that the tests may use; they bring none


def required(part: str) -> bool:
    """Whether `part` (`browser`, `postgres`, `valkey`, `rabbitmq`) is listed in AETHERIS_REQUIRE."""
    return part in {word.strip() for word in os.environ.get(REQUIRE, "").split(",")}


def missing(part: str, reason: str) -> NoReturn:
    """End the running test because `part` is not on this machine.

    Args:
        part: what is missing, as AETHERIS_REQUIRE names it.
        reason: why it is not there and what to install.

    Raises:
        pytest.fail.Exception: where AETHERIS_REQUIRE lists the part, so that a build cannot pass by skipping.
        pytest.skip.Exception: anywhere else.
    """
    if required(part):
        pytest.fail(f"{REQUIRE} asks for {part}, but: {reason}", pytrace=False)
    pytest.skip(reason)
