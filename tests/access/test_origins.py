"""Which origins are allowed: the server's own, the listed ones, and no other spelling of either."""

import pytest

from webipc.access.origins import REMEDY, Origins, remedy_for

OWN = Origins()


@pytest.mark.parametrize(
    "origin, scheme, host",
    [
        ("http://app.example", "http", "app.example"),
        ("http://app.example", "ws", "App.Example"),
        ("https://app.example", "wss", "app.example:443"),
        ("http://app.example:8000", "ws", "app.example:8000"),
        ("http://127.0.0.1:8000", "http", "127.0.0.1:8000"),
        ("http://[::1]:8000", "ws", "[::1]:8000"),
        ("https://xn--mnchen-3ya.example", "wss", "xn--mnchen-3ya.example"),
        ("http://app.example.", "http", "app.example."),
    ],
)
def test_the_servers_own_origin_is_allowed(origin: str, scheme: str, host: str) -> None:
    assert OWN.allows(origin, scheme, host)


@pytest.mark.parametrize(
    "origin",
    [
        *("http://app.example#x", "http://app.example/", "http://app.example/x", "http://app.example?x"),
        *(
            "http://user@app.example",
            "http://:word@app.example",
            "http://@app.example",
            "http://evil.example@app.example",
        ),
        *("HTTP://app.example", "http://APP.example", "http://app.example:80", "http://app.example:080"),
        *("http://app.example.", "http://app.example:", "http://app.example:8000", "https://app.example"),
        *(" http://app.example", "http://app.example ", "http://app.example\n", "http://app.example\x00"),
        *("http:app.example", "http:/app.example", "//app.example", "app.example", "", "http://", "null\x00"),
        *("http://app.example http://evil.example", "http://app.example,http://evil.example", "http://%61pp.example"),
        *(
            "http://app.example\\@evil.example",
            "http://\uff41pp.example",
            "http://xn--app-.example",
            "ws://app.example",
        ),
    ],
)
def test_another_spelling_of_the_own_origin_is_not_the_own_one(origin: str) -> None:
    assert not OWN.allows(origin, "http", "app.example")
    assert not Origins(["http://app.example"]).allows(origin, "http", "other.example")


@pytest.mark.parametrize(
    "host",
    ["", "app.example#x", "app.example/", "user@app.example", "app.example?x", "app.example:port", "app.example:99999"],
)
def test_a_host_header_that_is_no_host_makes_no_origin_the_own_one(host: str) -> None:
    assert not OWN.allows("http://app.example", "http", host)
    assert not OWN.allows(f"http://{host}", "http", host)


@pytest.mark.parametrize(
    "listed, sent",
    [
        ("https://app.example", "https://app.example"),
        ("https://app.example/", "https://app.example"),
        ("HTTPS://App.Example:443", "https://app.example"),
        ("http://app.example:80", "http://app.example"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://münchen.example", "https://xn--mnchen-3ya.example"),
        ("https://MÜNCHEN.example:8443", "https://xn--mnchen-3ya.example:8443"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("tauri://localhost", "tauri://localhost"),
        ("chrome-extension://abcdefghijklmnopabcdefghijklmnop", "chrome-extension://abcdefghijklmnopabcdefghijklmnop"),
        ("app://-", "app://-"),
    ],
)
def test_a_listed_origin_is_allowed_as_a_browser_sends_it(listed: str, sent: str) -> None:
    origins = Origins([listed])
    assert origins.allows(sent, "http", "other.example")
    assert origins.cors(sent)["Access-Control-Allow-Origin"] == sent
    assert not Origins().allows(sent, "http", "other.example")


@pytest.mark.parametrize(
    "listed, advice",
    [
        ("https://*.example", "there are no patterns, list each origin"),
        ("*", "there are no patterns, list each origin"),
        ("file:///home/me/page.html", "there is allow_missing_origin=True"),
        ("https://straße.example", "begins with xn--"),
        ("https://app.example/page", "got 'https://app.example/page'"),
        ("https://user@app.example", "got 'https://user@app.example'"),
        ("https://app.example#x", "got 'https://app.example#x'"),
        ("https://app.example:99999", "expected an origin"),
        ("wss://app.example", "expected an origin such as https://app.example"),
        ("app.example", "expected an origin"),
        ("https://", "expected an origin"),
        ("", "expected an origin"),
    ],
)
def test_what_can_never_match_is_refused_with_what_to_write(listed: str, advice: str) -> None:
    with pytest.raises(ValueError, match="expected an origin such as") as caught:
        Origins([listed])
    assert advice in str(caught.value)


@pytest.mark.parametrize("origin", [None, "null"])
def test_a_missing_origin_is_allowed_on_request_only(origin: str | None) -> None:
    assert not OWN.allows(origin, "http", "app.example")
    assert Origins(allow_missing=True).allows(origin, "http", "app.example")


def test_null_may_be_told_from_a_missing_origin() -> None:
    origins = Origins(allow_missing=True, null_is_missing=False)
    assert origins.allows(None, "http", "app.example")
    assert not origins.allows("null", "http", "app.example")


@pytest.mark.parametrize("null_is_missing", [True, False])
def test_null_is_allowed_where_it_is_listed(*, null_is_missing: bool) -> None:
    origins = Origins(["null"], null_is_missing=null_is_missing)
    assert origins.allows("null", "http", "app.example")
    assert not origins.allows(None, "http", "app.example")
    assert origins.cors("null")["Access-Control-Allow-Origin"] == "null"
    assert origins.allows_embedding("cross-site", None)
    assert origins.resource_policy(None, None) == "cross-origin"
    assert origins.hosts == frozenset()


@pytest.mark.parametrize(
    "origin", [None, "null", "https://evil.example", "https://APP.example", "https://app.example#x"]
)
def test_no_other_origin_may_read_a_response(origin: str | None) -> None:
    headers = Origins(["https://app.example"]).cors(origin)
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("listed", ["https://app.example", "https://app.example:8443"])
@pytest.mark.parametrize("site", ["same-site", "cross-site", "anything new"])
def test_a_script_without_an_origin_is_loaded_by_listed_pages_only(listed: str, site: str) -> None:
    origins = Origins([listed])
    for referrer, is_allowed in {
        f"{listed}/": True,
        f"{listed}/page?x#y": True,
        f"{listed}.evil.example/": False,
        "https://evil.example/https://app.example/": False,
        f"https://user@{listed.removeprefix('https://')}/": False,
        "": False,
        None: False,
    }.items():
        assert origins.allows_embedding(site, referrer) is is_allowed
        assert origins.resource_policy(None, referrer) == ("cross-origin" if is_allowed else "same-origin")
    assert Origins(allow_missing=True).allows_embedding(site, None)


@pytest.mark.parametrize("site", [None, "same-origin", "none"])
def test_a_script_is_loaded_by_the_own_pages_and_by_programs(site: str | None) -> None:
    assert OWN.allows_embedding(site, None)
    assert OWN.resource_policy(None, None) == "same-origin"


def test_a_page_of_this_server_that_is_refused_behind_a_proxy_names_what_the_proxy_lacks() -> None:
    """TLS ends in front of it, and it takes the request for plain http."""
    for scheme in ("http", "ws"):
        remedy = remedy_for("https://app.example:8443", scheme, "App.example:8443")
        assert remedy.startswith("it came as http://app.example:8443: a proxy has to send X-Forwarded-Proto, and")
        assert "list it" not in remedy


def test_a_page_of_another_origin_is_to_be_listed_and_told_where_its_request_was_sent() -> None:
    remedy = remedy_for("https://app.example", "http", "127.0.0.1:8000")
    assert remedy == f"{REMEDY}; it was sent to http://127.0.0.1:8000, and a proxy has to pass the Host header"
    for host in (None, "no host", "h:99999"):
        assert remedy_for("https://app.example", "http", host) == REMEDY
    assert remedy_for("null", "http", "app.example").startswith(REMEDY)
