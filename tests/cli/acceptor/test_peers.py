"""Who a connection without a principal counts as: its address; behind a proxy, each connection is another one."""

import pytest

from webipc.cli.acceptor.peers import Peers


def test_connections_of_one_address_stay_together() -> None:
    peers = Peers(None)
    assert peers.key_of(("192.0.2.7", 1000)) == peers.key_of(("192.0.2.7", 2000))
    assert peers.key_of(("192.0.2.7", 1000)) != peers.key_of(("192.0.2.8", 1000))


def test_an_address_of_ipv6_is_its_network_of_64_bits() -> None:
    peers = Peers(None)
    assert peers.key_of(("2001:db8::1", 1, 0, 0)) == peers.key_of(("2001:db8::2", 2, 0, 0))
    assert peers.key_of(("2001:db8::1", 1, 0, 0)) != peers.key_of(("2001:db8:0:1::1", 1, 0, 0))


@pytest.mark.parametrize(
    "proxies, address",
    [
        (None, "127.0.0.1"),
        (None, "::1"),
        ("*", "192.0.2.7"),
        ("192.0.2.7", "192.0.2.7"),
        ("10.0.0.1, 192.0.2.0/24", "192.0.2.7"),
        ("2001:db8::/32", "2001:db8::9"),
    ],
)
def test_connections_of_a_proxy_are_those_of_many(proxies: str | None, address: str) -> None:
    peers = Peers(proxies)
    assert peers.key_of((address, 1000)) != peers.key_of((address, 2000))


@pytest.mark.parametrize("proxies", ["", "192.0.2.8", "a-name", "192.0.2.0/33", "2001:db8::/32"])
def test_what_is_no_proxy_is_one_peer(proxies: str) -> None:
    peers = Peers(proxies)
    assert peers.key_of(("192.0.2.7", 1000)) == peers.key_of(("192.0.2.7", 2000))


def test_the_environment_names_proxies_where_the_option_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "192.0.2.7")
    assert Peers(None).key_of(("192.0.2.7", 1)) != Peers(None).key_of(("192.0.2.7", 2))
    assert Peers("").key_of(("192.0.2.7", 1)) == Peers("").key_of(("192.0.2.7", 2))


def test_a_peer_without_an_address_is_one_peer() -> None:
    assert Peers(None).key_of("") == Peers(None).key_of("/run/a.sock")


def test_scope_ids_of_link_local_addresses_are_understood() -> None:
    assert Peers("fe80::/10").key_of(("fe80::1%eth0", 1, 0, 2)) != Peers("fe80::/10").key_of(("fe80::1%eth0", 2, 0, 2))
