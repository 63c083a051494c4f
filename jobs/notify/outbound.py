"""One POST to an address that somebody typed in: to public addresses only, without redirects, bounded in time and size.

Every address that the name stands for is looked at, and the connection goes to an address that was looked at: a name that
is answered otherwise a moment later (DNS rebinding) leads nowhere else.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from ..notifying import Network

MOST = 2048  # bytes of an answer that are read
PORTS = {"https": 443, "http": 80}
_NAT64 = ip_network("64:ff9b::/96")
Address = IPv4Address | IPv6Address


class Forbidden(Exception):
    """The address is none that may be called."""


class Unreachable(Exception):
    """Nothing was sent: there is no such name, or nobody answers there."""


class Broken(Exception):
    """The connection broke after something may have been received."""


@dataclass(frozen=True)
class Answer:
    """What came back.

    Args:
        status: of HTTP.
        text: the beginning of the body.
        retry_after: seconds that we are asked to wait; None where nothing is said.
    """

    status: int
    text: str
    retry_after: float | None


def target(url: str, private: Sequence[Network]) -> SplitResult:
    """The parts of an address that may be called, as far as its text tells.

    Raises:
        Forbidden: it is no plain https address; or http outside of the private networks that settings allow.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise Forbidden(f"it is no address: {error}") from None
    if parts.scheme not in PORTS or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise Forbidden("write https://HOST/PATH")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise Forbidden("an address holds no user, password or fragment")
    if parts.scheme == "http" and not private:
        raise Forbidden("only https is allowed")
    try:
        literal = ip_address(host)
    except ValueError:
        return parts
    _look_at([literal], parts.scheme, private)
    return parts


def _look_at(addresses: Sequence[Address], scheme: str, private: Sequence[Network]) -> None:
    for address in addresses:
        inside = any(address.version == each.version and address in each for each in private)
        if not inside and not _is_public(address):
            raise Forbidden("it leads to an address that is not public")
        if scheme == "http" and not inside:
            raise Forbidden("only https is allowed to public addresses")


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved


def post(
    url: str, headers: Mapping[str, str], body: bytes, *, private: Sequence[Network], seconds: float
) -> Answer:
    """Send one request, and read the beginning of its answer.

    Args:
        url: where to.
        headers: beside those of the body.
        body: JSON.
        private: networks that are allowed although they are not public.
        seconds: for all of it.

    Raises:
        Forbidden, Unreachable: nothing was sent. Broken: perhaps it was received.
    """
    ends = time.monotonic() + seconds
    parts = target(url, private)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    link = _connected(parts, host, port, private, ends)
    closer = threading.Timer(max(0.0, ends - time.monotonic()), _cut, [link])
    closer.daemon = True  # however slowly the other side drips
    closer.start()
    try:
        return _exchange(link, parts, host, port, headers, body)
    except (OSError, http.client.HTTPException) as error:
        raise Broken(f"the connection broke: {type(error).__name__}") from None
    finally:
        closer.cancel()
        link.close()


def _connected(
    parts: SplitResult, host: str, port: int, private: Sequence[Network], ends: float
) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unreachable("its name cannot be resolved") from None
    _look_at([ip_address(str(each[4][0]).partition("%")[0]) for each in found], parts.scheme, private)
    trouble = "nobody answers there"
    for family, kind, protocol, _, place in found:
        link = socket.socket(family, kind, protocol)
        link.settimeout(max(0.05, ends - time.monotonic()))
        try:
            link.connect(place)
            if parts.scheme == "https":
                return ssl.create_default_context().wrap_socket(link, server_hostname=host)
            return link
        except OSError as error:  # a certificate that is not good is one too
            trouble = f"no connection: {type(error).__name__}"
            link.close()
    raise Unreachable(trouble)


def _cut(link: socket.socket) -> None:
    try:
        link.shutdown(socket.SHUT_RDWR)
    except OSError:
        return None  # it is closed already


def _exchange(
    link: socket.socket, parts: SplitResult, host: str, port: int, headers: Mapping[str, str], body: bytes
) -> Answer:
    client = http.client.HTTPConnection(host, port)
    client.sock = link  # connected, and to an address that was looked at
    name = f"[{host}]" if ":" in host else host
    where = name if port == PORTS[parts.scheme] else f"{name}:{port}"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    own = {
        "Host": where,
        "Content-Type": "application/json",
        "User-Agent": "Aetheris-Webhooks",
        "Connection": "close",
    }
    client.request("POST", path, body, {**own, **headers})
    answer = client.getresponse()
    text = answer.read(MOST).decode("utf-8", "replace")
    return Answer(answer.status, text, _seconds(answer.getheader("Retry-After")))


def _seconds(text: str | None) -> float | None:
    """Seconds of a `Retry-After`; a date in it is left to our own pauses."""
    return (
        min(float(text), 24 * 3600.0)
        if text and text.isascii() and text.isdigit() and len(text) < 9
        else None
    )
