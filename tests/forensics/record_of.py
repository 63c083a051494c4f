"""What a drawing must be: well-formed, without script, the same for the same graph."""

from __future__ import annotations

from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"


def drawn(text: str) -> ElementTree.Element:
    """The picture, read as XML."""
    root = ElementTree.fromstring(text)  # noqa: S314 - made by ourselves
    assert root.tag == f"{SVG}svg"
    assert not list(root.iter(f"{SVG}script"))
    assert "NaN" not in text
    return root
