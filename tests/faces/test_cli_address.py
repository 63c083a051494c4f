"""Where the command line finds the API, and whom it shows which token."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from aetheris_site.cli.address import APPROVER, OPERATOR, Access, Wishes, access
from aetheris_site.cli.failures import Failure

HERE = "http://127.0.0.1:8080"
TOKENS = {"operator": "aeth_o", "approver": "aeth_a"}


def checkout(folder: Path, api: str = HERE, **changes: object) -> Path:
    """A folder with the local.json of a running stack."""
    (folder / "var").mkdir(parents=True)
    (folder / "var" / "local.json").write_text(json.dumps({"api": api, "tokens": TOKENS, **changes}))
    return folder


def find(
    folder: Path, wishes: Wishes | None = None, role: str = OPERATOR, env: dict[str, str] | None = None
) -> Access:
    return access(wishes or Wishes(), role=role, env=env or {}, folder=folder)


def test_without_an_address_the_advice_is_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(Failure) as refusal:
        find(tmp_path)
    assert refusal.value.code == "no_address"
    assert "make run" in refusal.value.advice


def test_the_local_file_is_found_upward_and_gives_each_command_its_users_token(tmp_path: Path) -> None:
    below = checkout(tmp_path) / "a" / "b"
    below.mkdir(parents=True)
    assert find(below) == Access(HERE, "aeth_o", OPERATOR)
    assert find(below, role=APPROVER) == Access(HERE, "aeth_a", APPROVER)


def test_the_launchers_checkout_comes_before_the_working_directory(tmp_path: Path) -> None:
    home = checkout(tmp_path / "home", "http://127.0.0.1:9000")
    other = checkout(tmp_path / "other")
    assert find(other, env={"AETHERIS_HOME": str(home)}).api == "http://127.0.0.1:9000"
    assert find(other, env={"AETHERIS_HOME": str(tmp_path / "nowhere")}).api == HERE


def test_a_stack_that_keeps_its_state_elsewhere_is_found_there(tmp_path: Path) -> None:
    elsewhere = checkout(tmp_path / "elsewhere") / "var"
    assert find(tmp_path, env={"AETHERIS_VAR": str(elsewhere)}).api == HERE
    home = {"AETHERIS_HOME": str(tmp_path), "AETHERIS_VAR": "elsewhere/var"}
    assert find(Path("/"), env=home).token == "aeth_o"


def test_a_flag_beats_the_environment_and_the_environment_beats_the_file(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    env = {"AETHERIS_API_URL": "https://env.test/", "AETHERIS_TOKEN": "from-env"}
    assert find(folder, env=env) == Access("https://env.test", "from-env")
    flags = Wishes(api="https://flag.test", token="from-flag")
    assert find(folder, flags, env=env) == Access("https://flag.test", "from-flag")
    assert find(folder, env={"AETHERIS_TOKEN": "from-env"}) == Access(HERE, "from-env")


def test_a_local_token_goes_only_to_the_address_beside_it(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    for api in (
        "http://127.0.0.1:8081",
        "https://127.0.0.1:8080",
        "http://localhost:8080",
        "http://evil.test",
    ):
        assert find(folder, Wishes(api=api)).token == ""
        with pytest.raises(click.UsageError, match="--token"):
            find(folder, Wishes(api=api, role="approver"))
    assert find(folder, Wishes(api=f"{HERE}/")).token == "aeth_o"


def test_the_token_of_a_named_address_comes_from_the_file_that_names_it(tmp_path: Path) -> None:
    home = checkout(tmp_path / "home", "http://127.0.0.1:9000", tokens={"operator": "aeth_home"})
    env = {"AETHERIS_HOME": str(home)}
    assert find(checkout(tmp_path / "other"), Wishes(api=HERE), env=env) == Access(HERE, "aeth_o", OPERATOR)


def test_a_name_beats_the_token_of_the_environment_and_must_be_known(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    env = {"AETHERIS_TOKEN": "from-env"}
    assert find(folder, Wishes(role="approver"), env=env) == Access(HERE, "aeth_a", "approver")
    with pytest.raises(click.UsageError, match="approver, operator"):
        find(folder, Wishes(role="nobody"))
    with pytest.raises(click.UsageError, match="one of them"):
        find(folder, Wishes(role="approver", token="t"))


def test_a_local_file_that_names_another_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="not this machine"):
        find(checkout(tmp_path, "http://evil.test"), env={"AETHERIS_TOKEN": "from-env"})


def test_a_found_file_of_somebody_else_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = checkout(tmp_path)
    owner = (folder / "var" / "local.json").stat().st_uid
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)
    with pytest.raises(Failure, match="No API address"):
        find(folder)
    assert find(tmp_path, env={"AETHERIS_HOME": str(folder)}).api == HERE


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"api": "http://127.0.0.1:1", "tokens": 3}'])
def test_a_broken_local_file_is_named(tmp_path: Path, text: str) -> None:
    (checkout(tmp_path) / "var" / "local.json").write_text(text)
    with pytest.raises(Failure, match=r"local\.json cannot be used"):
        find(tmp_path)


@pytest.mark.parametrize(
    "api", ["8080", "ftp://a", "http://", "http://a:b", "http://me:pw@a", "http://a?b", "http://[a"]
)
def test_what_is_no_address_is_a_usage_error(tmp_path: Path, api: str) -> None:
    with pytest.raises(click.UsageError, match=r"http://127\.0\.0\.1:8080"):
        find(tmp_path, Wishes(api=api))


def test_tokens_are_not_in_the_printed_form_of_what_holds_them(tmp_path: Path) -> None:
    assert "aeth_o" not in repr(find(checkout(tmp_path)))
    assert "secret" not in repr(Wishes(token="secret"))
