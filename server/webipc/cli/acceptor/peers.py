"""Who a connection without a principal is from, as far as it decides about the worker that gets it.

The connections of a proxy are those of many visitors: they are spread. Those of any other address stay together, so
that one address uses up its share of one worker, and not of each.
"""

import ipaddress
import os
from typing import Any, Final

from webipc.budget.addresses import address_of

# As uvicorn has it, with its environment variable.
_DEFAULT: Final = "127.0.0.1,::1"
_VARIABLE: Final = "FORWARDED_ALLOW_IPS"


class Peers:
    """Knows the addresses of proxies: those of `--forwarded-allow-ips`."""

    def __init__(self, proxies: str | None) -> None:
        """`proxies` are addresses and networks with commas between them, or `*`; None: as the environment has it."""
        listed = os.environ.get(_VARIABLE, _DEFAULT) if proxies is None else proxies
        self._is_any = listed.strip() == "*"
        self._networks = [network for one in listed.split(",") if (network := _network(one.strip())) is not None]

    def key_of(self, peer: Any) -> bytes:
        """Return the key of a peer, as `accept` describes it."""
        if not isinstance(peer, tuple):
            return b""
        address, port = str(peer[0]), peer[1]
        if self._is_any or self._is_proxy(address):
            return f"{address} {port}".encode()
        return address_of(address).encode()

    def _is_proxy(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        return any(parsed in network for network in self._networks)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Return an address or network; None for a name, which uvicorn takes for the path of a Unix socket."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None
