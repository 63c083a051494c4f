"""The list of breakages stays true: each can still be made, and the test that is to catch it exists."""

from __future__ import annotations

import ast

import pytest

from tests.mutations.__main__ import ROOT, markdown
from tests.mutations.breakages import BREAKAGES, Breakage


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda each: each.name)
def test_a_breakage_can_be_made_in_exactly_one_place(breakage: Breakage) -> None:
    text = (ROOT / breakage.path).read_text()
    assert text.count(breakage.old) == 1, f"the code moved; say anew what {breakage.name!r} means"
    ast.parse(text.replace(breakage.old, breakage.new))


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda each: each.name)
def test_the_test_that_is_to_catch_it_exists(breakage: Breakage) -> None:
    path, *names = breakage.caught_by.partition("[")[0].split("::")
    tree: ast.AST = ast.parse((ROOT / path).read_text())
    for name in names:
        found = [node for node in ast.iter_child_nodes(tree) if getattr(node, "name", "") == name]
        assert found, f"{path} has no {name}"
        tree = found[0]


def test_the_page_is_printed_from_the_list() -> None:
    assert (ROOT / "docs/mutations.md").read_text() == markdown()
