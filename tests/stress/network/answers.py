"""What stands between a page and its server answers instead of it: gateways and captive portals, in HTTP."""

from random import Random

from tests.stress.network.faults import Fault

_PAGE = "<!doctype html><title>%s</title><h1>%s</h1>"

ERRORS = [
    ("503 Service Unavailable", "application/json", '{"code":503,"message":"no healthy upstream"}'),
    ("429 Too Many Requests", "application/json", '{"code":429,"reason":"slow down"}'),
    ("401 Unauthorized", "application/json", '{"error":"token expired"}'),
    ("200 OK", "application/json", '{"code":0,"data":null}'),
    ("502 Bad Gateway", "text/html", _PAGE % ("502", "Bad Gateway")),
    ("504 Gateway Timeout", "text/html", _PAGE % ("504", "Gateway Timeout")),
]

PORTAL = "/portal"
"""The path of the login page."""


def answer_to(fault: Fault, random: Random) -> bytes:
    """Return one of the answers of this kind."""
    if fault is Fault.ERROR:
        return response(*random.choice(ERRORS))
    if random.random() < 0.5:
        return response("302 Found", "text/html", "", f"Location: {PORTAL}\r\n")
    return login_page()


def login_page() -> bytes:
    """Return what a captive portal answers to everything."""
    return response("200 OK", "text/html", _PAGE % ("Welcome", "Please log in to the network"))


def response(status: str, content_type: str, content: str, more: str = "") -> bytes:
    """Return a whole response."""
    body = content.encode()
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{more}"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    ).encode() + body
