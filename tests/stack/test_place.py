"""Where a stack lives: what its port, its folders and its settings are read from."""

from __future__ import annotations

from pathlib import Path

import pytest

from aetheris_site.stack.failures import StackError
from aetheris_site.stack.place import Place, of_checkout

ROOT = Path("/srv/checkout")


def _of(**env: str) -> Place:
    return of_checkout(env, ROOT)


def test_the_port_is_8080_unless_the_environment_says_otherwise() -> None:
    assert _of().url == "http://127.0.0.1:8080"
    assert _of(PORT="8090").url == "http://127.0.0.1:8090"


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http", "8o80", "80.0"])
def test_a_port_that_is_none_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(StackError, match="PORT=8090 make run"):
        _of(PORT=text)


def test_state_lies_in_var_unless_the_environment_says_otherwise() -> None:
    assert _of().var == ROOT / "var"
    assert _of(AETHERIS_VAR="elsewhere").var == ROOT / "elsewhere"
    assert _of(AETHERIS_VAR="/data").var == Path("/data")


def test_an_empty_setting_is_no_setting() -> None:
    assert _of(AETHERIS_AGENTS="").digest == _of().digest


@pytest.mark.parametrize(
    "name", ["AETHERIS_DATABASE_URL", "AETHERIS_BROKER_URL", "AETHERIS_AGENTS", "PYTHONPATH", "PORT"]
)
def test_every_setting_of_the_processes_counts(name: str) -> None:
    assert _of(**{name: "8123"}).digest != _of().digest


@pytest.mark.parametrize("name", ["AETHERIS_TOKEN", "AETHERIS_API_URL", "AETHERIS_HOME", "HOME"])
def test_what_only_clients_read_does_not_count(name: str) -> None:
    assert _of(**{name: "x"}).digest == _of().digest


def test_no_secret_can_be_read_from_the_digest() -> None:
    assert "hidden" not in _of(AETHERIS_SECRET_KEY="hidden").digest
    assert "hidden" not in repr(_of(AETHERIS_SECRET_KEY="hidden"))


def test_the_api_is_asked_under_a_host_name_that_it_accepts() -> None:
    assert _of().host == "127.0.0.1"
    assert _of(AETHERIS_ALLOWED_HOSTS="*, a.example").host == "a.example"
    assert _of(AETHERIS_ALLOWED_HOSTS="a.example,127.0.0.1").host == "127.0.0.1"


def test_the_dev_profile_is_the_default() -> None:
    assert _of().is_dev
    assert not _of(AETHERIS_PROFILE="prod").is_dev


def test_a_process_gets_the_callers_environment_and_its_own_mark() -> None:
    env = _of(PYTHONPATH="agents", AETHERIS_AGENTS="mine", PORT="8090").of_part("worker")
    assert env["PYTHONPATH"] == "agents"
    assert env["AETHERIS_AGENTS"] == "mine"
    assert env["PORT"] == "8090"
    assert env["AETHERIS_STACK_PART"] == "worker"
