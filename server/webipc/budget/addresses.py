"""Which addresses count as one: what one subscriber of a network has."""

import ipaddress


def address_of(host: str) -> str:
    """Return an address as it counts: IPv4 as it is, also within IPv6, and IPv6 as its network of 64 bits."""
    if ":" not in host:
        return host
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
