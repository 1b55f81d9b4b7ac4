"""How a browser is identified by its cookie: on https by one that no other host can set, elsewhere by a plain one."""

from typing import Any

import pytest

from webipc.access.visitor import RELAYED, Relayed, visitor_of

PLAIN = "webipc_principal"
SECURE = "__Host-webipc_principal"
ONE, TWO = "1" * 32, "2" * 32


def scope(scheme: str, cookie: str | None) -> dict[str, Any]:
    return {"scheme": scheme, "headers": [] if cookie is None else [(b"cookie", cookie.encode())]}


@pytest.mark.parametrize("schemes, name, other", [(("http", "ws"), PLAIN, SECURE), (("https", "wss"), SECURE, PLAIN)])
def test_each_scheme_has_its_own_cookie_and_does_not_take_the_other(
    schemes: tuple[str, ...], name: str, other: str
) -> None:
    for scheme in schemes:
        known = visitor_of(scope(scheme, f"a=1; {other}={TWO}; {name}={ONE}; b=2"))
        assert (known.principal, known.cookie) == (ONE, None)
        for cookie in (None, f"{other}={TWO}", f"x{name}={TWO}", f"{name}={TWO}0", f"{name}={'g' * 32}"):
            new = visitor_of(scope(scheme, cookie))
            assert new.principal not in (ONE, TWO)
            assert new.cookie is not None
            assert new.cookie.startswith(f"{name}={new.principal}; Path=/; HttpOnly; SameSite=Lax")


def test_the_cookie_of_https_is_what_browsers_ask_of_its_prefix() -> None:
    cookie = visitor_of(scope("https", None)).cookie
    assert cookie is not None
    attributes = cookie.split("; ")[1:]
    assert attributes == ["Path=/", "HttpOnly", "SameSite=Lax", "Secure"]
    assert not any(each.startswith("Domain") for each in attributes)


@pytest.mark.parametrize("was_shown", [True, False])
def test_principal_of_a_relayed_attach_is_what_the_other_process_says(was_shown: bool) -> None:
    relayed = Relayed("0" * 16, "ab" * 16, was_shown)
    visitor = visitor_of({**scope("https", f"__Host-webipc_principal={'0' * 32}"), RELAYED: relayed})
    assert visitor.principal == "ab" * 16
    assert visitor.shows_principal is was_shown
    # The other process has set it, where the browser had none.
    assert visitor.cookie is None
    assert visitor.relayed is relayed
