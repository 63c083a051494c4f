"""Models from the environment: what AETHERIS_MODELS says is who answers, and what it cannot mean is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aetheris_site import profile

TABLE = {"canned": {"provider": "scripted", "replies": ["yes"]}}


def test_models_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AETHERIS_MODELS", json.dumps(TABLE))
    assert profile.document("AETHERIS_MODELS") == TABLE


def test_models_are_read_from_the_file_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "models.json").write_text(json.dumps(TABLE))
    monkeypatch.setenv("AETHERIS_MODELS", f"@{tmp_path / 'models.json'}")
    assert profile.document("AETHERIS_MODELS") == TABLE


def test_without_the_variable_there_are_no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AETHERIS_MODELS", raising=False)
    assert profile.document("AETHERIS_MODELS") == {}


@pytest.mark.parametrize("value", ["{", "[1]", "@nowhere.json"])
def test_models_that_cannot_be_meant_stop_the_start_by_name(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AETHERIS_MODELS", value)
    with pytest.raises(SystemExit, match="AETHERIS_MODELS"):
        profile.document("AETHERIS_MODELS")
