"""Evidence of jobs whose texts and shapes were made to do harm: the picture stays a picture, and stays small; so do readers."""

from __future__ import annotations

import io
import struct
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forensics import standalone
from forensics.evidence.drawing import ARROWS, svg
from forensics.evidence.journey import Absent, Journey
from forensics.evidence.walking import BACK, FORWARD
from forensics.lint import lint

AT = "2026-01-01T00:00:00.000000Z"
SHAPES = {"svg", "title", "rect", "defs", "marker", "path", "text", "g"}
HOSTILE = st.one_of(
    st.text(max_size=40),
    st.sampled_from(['"><script>alert(1)</script>', "]]><!--", "' onload='x", "&#x3c;svg/onload=x>", "\x00\x1b[31m", "\ud800"]),
)  # fmt: skip


def node(id: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "kind": "tool", "seq": 1, "at": AT, **more}


def edge(effect: str, cause: str, kind: str = "value", **more: Any) -> dict[str, Any]:
    return {"from": effect, "to": cause, "kind": kind, "how": "observed", "seq": 1, "via": "", **more}


def graph(nodes: list[dict[str, Any]], edges: list[dict[str, Any]], job: str = "J") -> dict[str, Any]:
    return {"job": job, "agent": "a", "version": "1", "nodes": nodes, "edges": edges, "complete": True}


@given(texts=st.lists(HOSTILE, min_size=6, max_size=6))
def test_no_text_of_a_job_becomes_a_part_of_the_picture(texts: list[str]) -> None:
    id, kind, name, key, via, job = texts
    told = graph(
        [node(id, kind=kind, name=name, **{key or "k": texts}), node(f"{id}/2", tool=name)],
        [edge(f"{id}/2", id, kind=kind or "x", via=via)],
        job,
    )
    told["nodes"][0] |= {"id": id, "kind": kind or "x", "seq": 1, "at": AT}
    drawn = svg(told)
    found = list(ElementTree.fromstring(drawn).iter())  # noqa: S314 - drawn by us
    assert {each.tag.rpartition("}")[2] for each in found} <= SHAPES
    assert not [
        name for each in found for name in each.attrib if name.lower().startswith("on") or "href" in name
    ]


def test_a_picture_of_every_pair_of_values_stays_small_and_says_what_is_left_out() -> None:
    nodes = [node(f"step/{number:03}", seq=number + 1) for number in range(300)]
    edges = [edge(each["id"], other["id"]) for number, each in enumerate(nodes) for other in nodes[:number]]
    drawn = svg(graph(nodes, edges))
    assert len(drawn) < 6_000_000
    assert drawn.count("<path d=") <= ARROWS + 1
    assert f"{ARROWS} of {len(edges)} arrows are drawn" in drawn


class Ring:
    """Jobs without end, each of which came of the next one, and of itself."""

    read = 0

    def graph(self, job: str) -> Any:
        self.read += 1
        if job == "withheld":
            return Absent("withheld", "no")
        following = f"{int(job) + 1}"
        nodes = [node("request", kind="request"), node("output", kind="output")]
        nodes += [node(f"job/{each}", kind="job", job=each) for each in (following, job, "withheld")]
        edges = [
            edge("output", "request"),
            *(edge("request", f"job/{each}", "kept") for each in (following, job, "withheld")),
        ]
        return graph(nodes, edges, job)

    def kin(self, job: str) -> list[str]:
        return [f"{int(job) - 1}"] if int(job) else []


@pytest.mark.parametrize("way", [BACK, FORWARD])
def test_a_walk_through_jobs_without_end_ends_and_reads_each_once(way: tuple[str, str]) -> None:
    source = Ring()
    journey = Journey(source, way, jobs=20)
    found = journey.walk([("50", "output" if way == BACK else "request")])
    assert 15 < len(found) <= 20
    assert journey.cut
    assert source.read <= 22
    short = Journey(Ring(), way, nodes=7)
    assert sum(len(each) for each in short.walk([("50", "output")]).values()) <= 7


def packed(content: bytes) -> io.BytesIO:
    """A ZIP in the one form, with this content in the first file."""
    import zlib

    out, directory = bytearray(), bytearray()
    for name in standalone.FILES:
        data = content if name == standalone.EVENTS else b"{}\n"
        deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
        stored = data if name in standalone.STORED else deflate.compress(data) + deflate.flush()
        sizes = zlib.crc32(data), len(stored), len(data)
        directory += standalone.central_header(name, *sizes, len(out))
        out += standalone.local_header(name, *sizes) + stored
    end = standalone.end_record(len(standalone.FILES), len(directory), len(out))
    return io.BytesIO(bytes(out + directory + end))


def test_a_line_that_unpacks_to_very_much_is_put_together_once_and_refused_above_its_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package = standalone.Package(packed(b'"' + b"a" * (32 << 20) + b'"\n"b"\n'))
    package.check_form()
    assert [len(value) for _, value in package.lines(standalone.EVENTS)] == [32 << 20, 1]
    monkeypatch.setattr(standalone, "LONGEST_LINE", 1 << 20)
    with pytest.raises(standalone.Broken, match="a line of more than"):
        list(package.lines(standalone.EVENTS))


@pytest.mark.parametrize(
    "content", [b'"a"\n"b"', b"\n", b'"a"\n\n', b'"a"\r\n', b'{"a": 1}\n', b"[" * 100_000 + b"\n"]
)
def test_lines_in_another_form_are_refused(content: bytes) -> None:
    package = standalone.Package(packed(content))
    package.check_form()
    with pytest.raises((standalone.Broken, *standalone.UNREADABLE)):
        list(package.lines(standalone.EVENTS))


def test_a_file_that_unpacks_to_more_than_its_header_says_ends_there() -> None:
    file = packed(b"a" * (8 << 20))
    content = bytearray(file.getvalue())
    small = struct.pack("<I", 100)
    for place in (22, content.index(b"PK\x01\x02") + 24):
        content[place : place + 4] = small
    package = standalone.Package(io.BytesIO(bytes(content)))
    package.check_form()
    read: list[int] = []
    with pytest.raises(standalone.Broken, match="longer than the 100 bytes"):
        read.extend(len(piece) for piece in package.chunks(standalone.EVENTS))
    assert sum(read) <= standalone.CHUNK


@pytest.mark.parametrize(
    "text",
    ["-" * 200_000 + "1", "1" + "+1" * 100_000, "a" + ".b" * 100_000, "(" * 500, "\0", "f" + "()" * 50_000],
)
def test_a_module_that_nests_too_deep_is_a_finding_and_no_crash(text: str) -> None:
    [found] = lint(f"def step(ctx):\n    return {text}\n", "x.py")
    assert found.line >= 1
