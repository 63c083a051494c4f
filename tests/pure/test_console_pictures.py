"""The console's pictures: every plan draws well-formed, deterministic SVG that hides nothing and lets nothing through."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.console import layout
from jobs.console.gantt import NAMES, TRACK, Bar, Row, chart, span
from jobs.console.layout import HEIGHT, TooTangled, lay_out
from jobs.console.picture import MARKS, MOST, Box, Line, draw

SVG = "{http://www.w3.org/2000/svg}"
ZERO = datetime(2026, 1, 1, tzinfo=UTC)
texts = st.text(max_size=40)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, str]]]:
    """Boxes and arrows, circles and strangers among them."""
    names = [f"n{number}" for number in range(draw(st.integers(0, 14)))]
    ends = st.sampled_from([*names, "stranger"])
    return names, draw(st.lists(st.tuples(ends, ends), max_size=40))


@given(graphs())
def test_no_box_lies_over_another_and_arrows_go_down(graph: tuple[list[str], list[tuple[str, str]]]) -> None:
    names, arrows = graph
    found = lay_out(names, arrows)
    assert set(found.places) == set(names)
    rows: dict[int, list[int]] = {}
    for x, y in found.places.values():
        rows.setdefault(y, []).append(x)
        assert 0 <= x <= found.width - layout.WIDTH
        assert 0 <= y <= found.height - HEIGHT
    for row in rows.values():
        row.sort()
        assert all(b - a >= layout.WIDTH for a, b in zip(row, row[1:], strict=False))
    for (source, target), points in found.routes.items():
        assert points[0][1] == found.places[source][1] + HEIGHT
        assert points[-1][1] == found.places[target][1]
        assert all(upper[1] <= lower[1] for upper, lower in zip(points, points[1:], strict=False))


@given(graphs())
def test_an_arrow_is_left_out_only_if_it_closes_a_circle(
    graph: tuple[list[str], list[tuple[str, str]]],
) -> None:
    names, arrows = graph
    onward = [(a, b) for a, b in arrows if a in names and b in names and int(a[1:]) < int(b[1:])]
    assert set(lay_out(names, onward).routes) == set(onward)


def test_arrows_pass_beside_the_boxes_that_they_pass() -> None:
    chain = [f"n{number}" for number in range(8)]
    arrows = [*zip(chain, chain[1:], strict=False), ("n0", "n7"), ("n2", "n6")]
    found = lay_out(chain, arrows)
    for arrow, points in found.routes.items():
        for x, y in points[1:-1]:
            for name, (left, top) in found.places.items():
                inside = left <= x <= left + layout.WIDTH and top <= y <= top + HEIGHT
                assert not inside, (arrow, name)


@st.composite
def pictures(draw: st.DrawFn) -> tuple[list[Box], list[Line]]:
    """Boxes with any words in them."""
    names, arrows = draw(graphs())
    states = st.sampled_from(list(MARKS))
    boxes = [
        Box(name, draw(texts), draw(texts), draw(states), draw(texts), draw(texts), f"/x/{name}")
        for name in names
    ]
    kinds = st.sampled_from(["plain", "skipped", "undo"])
    return boxes, [Line(a, b, draw(texts), draw(kinds)) for a, b in arrows]


@given(pictures(), texts)
def test_every_graph_draws_well_formed_xml_and_always_the_same(
    drawn: tuple[list[Box], list[Line]], title: str
) -> None:
    boxes, lines = drawn
    text = draw(boxes, lines, title=title)
    assert text is not None
    assert text == draw(boxes, lines, title=title)
    root = ET.fromstring(text)  # noqa: S314 - it is our own
    assert [link.get("href") for link in root.iter(f"{SVG}a")] == [box.href for box in boxes]
    assert len(list(root.iter(f"{SVG}title"))) == len(boxes)
    allowed = {"svg", "defs", "marker", "path", "g", "a", "rect", "text", "title"}
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= allowed
    assert not any(name == "style" or name.startswith("on") for each in root.iter() for name in each.attrib)


def test_markup_in_a_label_is_text() -> None:
    evil = '"/><script>alert(1)</script>&\x00'
    text = draw([Box("n", evil, evil, "done", evil, evil, evil)], [Line("n", "n", evil)], title=evil)
    assert text is not None
    assert "<script" not in text
    assert "\x00" not in text
    ET.fromstring(text)  # noqa: S314 - it is our own


def test_state_is_worded_and_not_only_coloured() -> None:
    text = draw([Box("pay", "pay", "tool", "parked", "approval")], [], title="t")
    assert text is not None
    assert "‖ approval" in text
    assert 'class="step is-parked"' in text


def test_a_picture_that_nobody_could_read_is_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = [Box(f"n{number}", "n", "tool", "done") for number in range(MOST + 1)]
    assert draw(boxes, [], title="t") is None
    assert draw(boxes[:MOST], [], title="t") is not None
    monkeypatch.setattr(layout, "MOST_BENDS", 3)
    names = [f"n{number}" for number in range(6)]
    arrows = [*zip(names, names[1:], strict=False), ("n0", "n5")]
    with pytest.raises(TooTangled):
        lay_out(names, arrows)
    assert draw(boxes[:6], [Line(a, b) for a, b in arrows], title="t") is None


moments = st.integers(0, 10**7).map(lambda ms: ZERO + timedelta(milliseconds=ms))
kinds = st.sampled_from(["attempt", "call", "wait", "backoff", "lost"])
bars = st.builds(Bar, kinds, moments, st.none() | moments, texts, st.sampled_from(["", "a", "b"]) | texts)
rows = st.builds(
    Row,
    texts,
    st.lists(bars, max_size=5),
    texts,
    st.none() | texts,
    st.booleans(),
    st.lists(moments, max_size=2),
)


@given(st.lists(rows, max_size=8), moments)
def test_every_course_draws_well_formed_xml_within_its_frame(listed: list[Row], until: datetime) -> None:
    arguments: dict[str, Any] = {"workers": {"a": "worker <a>"}, "title": "over time"}
    text = chart(listed, until, **arguments)
    assert (text is None) == (not any(row.bars for row in listed))
    if text is None:
        return
    assert text == chart(listed, until, **arguments)
    root = ET.fromstring(text)  # noqa: S314 - it is our own
    for group in root.iter(f"{SVG}g"):
        if group.get("class", "").startswith("bar"):
            rect = group.find(f"{SVG}rect")
            assert rect is not None
            left, width = float(rect.get("x", "")), float(rect.get("width", ""))
            assert NAMES - 0.1 <= left
            assert width >= 4
            assert left + width <= NAMES + TRACK + 0.2
    drawn = sum(len(row.bars) for row in listed)
    assert len([g for g in root.iter(f"{SVG}g") if g.get("class", "").startswith("bar")]) == drawn


def test_a_wait_of_days_leaves_room_for_the_seconds_of_work() -> None:
    days = ZERO + timedelta(days=3)
    worked = Bar("attempt", ZERO, ZERO + timedelta(seconds=1), "attempt 1", "a")
    waited = Bar("wait", ZERO + timedelta(seconds=1), days, "waits for approval")
    again = Bar("attempt", days, days + timedelta(seconds=1), "attempt 2", "a")
    text = chart([Row("pay", [worked, waited, again])], days + timedelta(seconds=1), workers={}, title="t")
    assert text is not None
    widths = [float(r.get("width", "")) for r in ET.fromstring(text).iter(f"{SVG}rect") if r.get("rx")]  # noqa: S314
    assert widths[0] > 300
    assert widths[2] > 300
    assert "⋯ 3 d ⋯" in text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 ms"), (0.25, "250 ms"), (1.25, "1.2 s"), (61, "1 min 1 s"), (7_200, "2 h"), (90_000, "1 d 1 h")],
)
def test_spans_are_said_in_two_units(seconds: float, said: str) -> None:
    assert span(seconds) == said
