"""What the fatal tests share: a warm nursery, the payment service, and a stage for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fatal.effects import Effects
from tests.fatal.processes import Nursery
from tests.required import TEST_RABBITMQ_URL

if TYPE_CHECKING:
    from tests.fatal.stage import Stage


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Starts processes; whatever still runs at the end goes with it."""
    made = Nursery(tmp_path_factory.mktemp("n"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Effects]:
    """The payment service of this run."""
    made = Effects(tmp_path_factory.mktemp("effects"))
    yield made
    made.close()


@pytest.fixture
def effects(plain: Effects) -> Effects:
    """The service that a stage uses, unless its test says otherwise."""
    return plain


@pytest.fixture(scope="session")
def deduping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Effects]:
    """Another one, which honours idempotency keys."""
    made = Effects(tmp_path_factory.mktemp("deduping"), "--dedupe")
    yield made
    made.close()


@pytest.fixture
def broker(fresh_database: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """SQLite goes with the broker without a server, Postgres with Valkey; all with RabbitMQ, if one is given."""
    if given := os.environ.get(TEST_RABBITMQ_URL):
        return given
    if fresh_database.startswith("sqlite"):
        return f"aetheris+files://{tmp_path / 'broker'}"
    return str(request.getfixturevalue("shared_valkey").url)


@pytest.fixture
def stage(
    fresh_database: str, broker: str, nursery: Nursery, effects: Effects, tmp_path: Path
) -> Iterator[Stage]:
    """A stage with an empty database and an empty broker; audited after the test."""
    from celery._state import get_current_app

    from jobs.store.reading import forget_all
    from tests.fatal.stage import Stage  # needs Django, which is set up after this file is read

    usual = get_current_app()
    made = Stage(database=fresh_database, broker=broker, folder=tmp_path, nursery=nursery, effects=effects)
    made.sender.set_current()  # this process submits too, and knocks on the stage's broker
    try:
        made.lose_every_knock()
        yield made
        made.check()
    finally:
        made.close()
        usual.set_current()
        forget_all()


@pytest.fixture
def token(fresh_database: str) -> str:
    """Of somebody who may submit, signal, control and, being of `finance`, approve."""
    from jobs import tokens
    from tests.faces.admin_stage import OPERATOR, person

    return tokens.create(person(*OPERATOR, group="finance"), tenant="default").text
