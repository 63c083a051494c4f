"""Where a webhook may lead, and where not."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from jobs.notify import outbound
from jobs.notify.outbound import Broken, Forbidden, Unreachable, post, target
from tests.receiver import receiving

LOOPBACK = [ip_network("127.0.0.0/8")]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "https:///path", "https://user:pass@example.com/", "https://example.com/#x",
        "https://example.com/\nX: y", "https://exa mple.com/", "https://127.0.0.1/", "https://[::1]/", "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data", "https://192.168.0.1/", "https://172.16.0.1/", "https://100.64.0.1/",
        "https://0.0.0.0/", "https://[::ffff:127.0.0.1]/", "https://[fe80::1]/", "https://[fd00::1]/", "https://224.0.0.1/",
        "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://example.com:99999/", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_what_is_no_public_https_address_is_refused_by_its_text(url: str) -> None:
    with pytest.raises(Forbidden):
        target(url, [])


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/x?y=1",
        "https://example.com:8443",
        "https://[2606:4700::1111]/",
        "https://1.1.1.1/",
    ],
)
def test_a_public_https_address_is_let_pass(url: str) -> None:
    assert target(url, []).hostname


@pytest.mark.parametrize("spelt", ["2130706433", "0x7f.1", "127.1", "localhost"])
def test_other_spellings_of_this_machine_are_refused_where_they_are_resolved(spelt: str) -> None:
    with pytest.raises((Forbidden, Unreachable)):
        post(f"https://{spelt}/", {}, b"{}", private=[], seconds=5)


def test_a_name_that_stands_for_one_private_address_among_others_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answers(host: str, port: int, **_: Any) -> Any:
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("1.1.1.1", port)), (*kind, ("10.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", answers)
    with pytest.raises(Forbidden, match="not public"):
        post("https://rebinding.example/", {}, b"{}", private=[], seconds=5)


def test_the_name_is_resolved_once_and_the_connection_goes_where_was_looked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second answer of a rebinding name is never asked for."""
    asked = []
    real = socket.getaddrinfo

    def answers(host: Any, port: Any, *args: Any, **more: Any) -> Any:
        asked.append(host)
        return real("127.0.0.1" if len(asked) == 1 else "127.0.0.9", port, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", answers)
    with receiving() as there:
        port = there.url.split(":")[2].partition("/")[0]
        assert post(f"http://name.example:{port}/", {}, b"{}", private=LOOPBACK, seconds=5).status == 204
    assert asked == ["name.example"]
    assert there.got[0][0]["host"] == f"name.example:{port}"


def test_a_redirect_is_not_followed() -> None:
    with receiving() as there, receiving() as elsewhere:
        there.answers = [(307, {"Location": elsewhere.url})]
        assert post(there.url, {}, b"{}", private=LOOPBACK, seconds=5).status == 307
    assert elsewhere.got == []


def test_an_endless_answer_is_read_to_its_limit_and_a_dripping_one_to_its_time() -> None:
    with receiving() as there:
        there.body, there.answers = b"x" * 100_000, [(200, {}), (200, {})]
        assert len(post(there.url, {}, b"{}", private=LOOPBACK, seconds=20).text) == outbound.MOST
        there.drip, begun = 0.3, time.monotonic()
        with suppress(Broken):  # with the beginning of an answer or without: what counts is that it ends
            post(there.url, {}, b"{}", private=LOOPBACK, seconds=1)
        assert time.monotonic() - begun < 8


def test_nobody_there_is_told_from_a_broken_connection() -> None:
    with receiving() as there:
        url = there.url
    with pytest.raises(Unreachable):
        post(url, {}, b"{}", private=LOOPBACK, seconds=2)
    server = socket.create_server(("127.0.0.1", 0))
    try:
        with pytest.raises(Broken):
            post(f"http://127.0.0.1:{server.getsockname()[1]}/", {}, b"{}", private=LOOPBACK, seconds=0.5)
    finally:
        server.close()


def test_http_reaches_only_the_networks_that_settings_allow() -> None:
    with pytest.raises(Forbidden):
        target("http://1.1.1.1/", LOOPBACK)
    assert ip_address("127.0.0.1") in LOOPBACK[0]
    assert target("http://127.0.0.1/", LOOPBACK).scheme == "http"
