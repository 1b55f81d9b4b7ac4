"""`Address`: where Redis is, from a URL. What is told of it never has the password, nor anything else of the URL."""

import os
from collections.abc import Callable
from typing import Any, Final

from redis.connection import Connection as SyncConnection
from redis.connection import SSLConnection as SyncSSLConnection
from redis.connection import UnixDomainSocketConnection as SyncUnixConnection
from redis.connection import parse_url

EXAMPLE: Final = "redis://HOST:6379/0, rediss://USER:PASSWORD@HOST:6379/0 or unix:///PATH"

_OPTIONS: Final = frozenset(
    "host port path db username password client_name ssl_keyfile ssl_certfile ssl_cert_reqs ssl_ca_certs ssl_ca_path "
    "ssl_ca_data ssl_check_hostname ssl_password ssl_min_version ssl_ciphers".split()
)

_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")

# redis-py's function has no types.
_parse_url: Final[Callable[[str], dict[str, Any]]] = parse_url


class AddressError(ValueError):
    """A URL that is none of a Redis server. The text has nothing of the URL, which may hold a password."""


class Address:
    """What a URL says."""

    def __init__(self, url: str) -> None:
        """Raises AddressError."""
        try:
            options = dict(_parse_url(url))
        except Exception:  # noqa: BLE001 - whatever it is, its text may quote the password
            raise AddressError(f"expected the URL of a Redis server ({EXAMPLE}), got something else") from None
        kind = options.pop("connection_class", SyncConnection)
        self.is_tls = kind is SyncSSLConnection
        self.is_unix = kind is SyncUnixConnection
        unknown = sorted(set(options) - _OPTIONS)
        if unknown:
            raise AddressError(f"expected the URL of a Redis server without options, got {', '.join(unknown)[:100]}")
        missing = [name for name in _FILES if name in options and not os.access(options[name], os.R_OK)]
        if missing:
            raise AddressError(
                f"expected a file that this process can read as {missing[0]} in the URL of a Redis server"
            )
        self.options = options

    def __str__(self) -> str:
        """Return the place, for a log."""
        if self.is_unix:
            return str(self.options.get("path", ""))
        return f"{self.options.get('host', 'localhost')}:{self.options.get('port', 6379)}"
