"""Which `Host` headers are those of the server: by plain strings, without a request."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from webipc.access.hosts import Hosts, is_loopback
from webipc.access.origins import Origins

LOCAL = [
    "localhost",
    "localhost:8000",
    "LocalHost:8000",
    "localhost.",
    "localhost.:8000",
    "app.localhost",
    "a.b.LOCALHOST:1",
    "127.0.0.1",
    "127.0.0.1:8000",
    "127.8.8.8",
    "192.168.1.20:8000",
    "0.0.0.0:8000",
    "[::1]",
    "[::1]:8000",
    "[2001:DB8::1]:443",
    "[::ffff:127.0.0.1]",
    " localhost ",
    "localhost:",
]

STRANGE = [
    "",
    ":8000",
    "evil.example",
    "evil.example:8000",
    "EVIL.example.",
    "localhost.evil.example",
    "localhost.evil.example:8000",
    "evillocalhost",
    "127.0.0.1.evil.example",
    "127.0.0.1.nip.io",
    "localhost@evil.example",
    "evil.example@localhost",
    "user:word@localhost",
    "localhost:80@evil.example",
    "localhost#evil.example",
    "localhost/evil.example",
    "localhost\\evil.example",
    "localhost evil.example",
    "localhost,evil.example",
    "localhost:8000:8000",
    "localhost:eight",
    "localhost:+80",
    "localhost:123456",
    "localhost..",
    ".localhost",
    "::1",
    "[::1",
    "[::1]8000",
    "[::1]evil.example",
    "[::1].evil.example",
    "[localhost]",
    "[127.0.0.1]",
    "[fe80::1%eth0]",
    "[fe80::1%25eth0]",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.0.0.256",
    "localhost\x00",
    "loc\xe4lhost",
    "\xb9\xb2\xb7.0.0.1",
    "localhost" + "a" * 70_000,
]


@pytest.mark.parametrize("header", LOCAL)
def test_local_names_and_addresses_are_allowed(header: str) -> None:
    assert Hosts().refusal([header]) is None


@pytest.mark.parametrize("header", STRANGE, ids=lambda header: repr(header)[:40])
def test_everything_else_is_refused_in_a_short_text(header: str) -> None:
    refusal = Hosts().refusal([header])
    assert refusal is not None
    assert refusal.startswith("expected a host of this server, got ")
    assert len(refusal) < 700
    assert refusal.isprintable()


@given(st.text(st.characters(max_codepoint=255), max_size=30))
@example("localhost.\n")
@example("localhost\n")
def test_a_header_with_any_character_that_a_host_has_not_is_refused(header: str) -> None:
    text = header.strip()
    if Hosts().refusal([header]) is None:
        assert set(text.lower()) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-_:[]")


def test_a_header_that_was_allowed_once_stays_allowed_and_few_of_them_are_kept() -> None:
    hosts = Hosts()
    for port in range(1000):
        assert hosts.refusal([f"localhost:{port}"]) is None
    assert hosts.refusal(["localhost:1"]) is None
    assert hosts.refusal(["localhost:1", "localhost:1"]) is not None
    assert len(hosts._seen) <= 64


def test_the_text_says_what_came_and_what_to_do() -> None:
    hosts = Hosts(["app.example"])
    expected = "expected a host of this server, got 'evil.example'; add --allow-host evil.example"
    assert hosts.refusal(["Evil.Example.:8000"]) == expected
    assert hosts.refusal(["a b"]) == "expected a host of this server, got 'a b'"
    assert hosts.refusal([]) == "expected a host of this server, got none"
    assert hosts.refusal(["localhost", "localhost"]) == "expected a host of this server, got several"


def test_a_listed_host_is_allowed_with_every_port_and_spelling() -> None:
    hosts = Hosts(["App.Example", "xn--bcher-kva.example", "bare", "192.0.2.1", "[::1]"])
    for header in ("app.example", "APP.EXAMPLE:443", "app.example.", "xn--bcher-kva.example", "bare:80"):
        assert hosts.refusal([header]) is None
    for header in ("www.app.example", "example", "app.example.evil.example", "xapp.example", "b\xfccher.example"):
        assert hosts.refusal([header]) is not None


def test_a_pattern_allows_what_is_below_a_name_and_not_the_name() -> None:
    hosts = Hosts(["*.app.example"])
    assert hosts.refusal(["a.app.example"]) is None
    assert hosts.refusal(["a.b.APP.example:8000"]) is None
    assert hosts.refusal(["app.example"]) is not None
    assert hosts.refusal(["evilapp.example"]) is not None


def test_any_host_may_be_allowed() -> None:
    for headers in ([], ["evil.example"], ["a", "b"], ["\x00"]):
        assert Hosts(["*"]).refusal(headers) is None


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "https://app.example",
        "app.example:443",
        "app.example/",
        "*.",
        "*app.example",
        "a.*.example",
        "a b",
        "bücher.example",
    ],
)
def test_an_entry_that_is_no_host_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match=r"expected a host such as app\.example or \*\.app\.example"):
        Hosts([entry])


def test_the_hosts_of_listed_origins_are_hosts_without_a_port() -> None:
    origins = Origins(["https://app.example", "http://localhost:5173", "http://[::1]:5173", "shell://a!b"])
    assert origins.hosts == {"app.example", "localhost", "[::1]", "a!b"}
    hosts = Hosts(of_origins=origins.hosts)
    assert hosts.refusal(["app.example:8000"]) is None
    assert hosts.refusal(["a!b"]) is not None


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST.", "a.localhost", "::ffff:127.0.0.1"],
)
def test_a_loopback_address_is_recognised(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.com", "", "localhost.example"])
def test_an_address_that_others_reach_is_recognised(host: str) -> None:
    assert not is_loopback(host)
