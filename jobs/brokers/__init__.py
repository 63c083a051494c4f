"""Ways for a knock to travel: kombu transports that survive threads, kills and restarts."""

from __future__ import annotations

from typing import Any

from kombu.transport import virtual

from jobs.brokers import files, local

_BY_SCHEME: dict[str, type[virtual.Transport]] = {"files": files.Transport, "local": local.Transport}


class Transport(files.Transport):
    """What `aetheris+files://` and `aetheris+local://` mean: kombu cuts an address at its plus sign.

    Raises:
        ValueError: the address has another scheme after the plus.
    """

    def __new__(cls, client: Any, **kwargs: Any) -> Any:
        """Make the transport that the address names."""
        scheme = str(client.hostname or "").partition("://")[0]
        if scheme not in _BY_SCHEME:
            raise ValueError(
                f"the broker address aetheris+{client.hostname} is not known: "
                "write aetheris+files:///path/to/folder or aetheris+local://"
            )
        return _BY_SCHEME[scheme](client, **kwargs)
