"""How the built client is served: what may be cached, and which origins may read it."""

from fastapi.testclient import TestClient

from tests.support.applications import application


def test_the_client_is_cached_and_revalidated() -> None:
    app, _ = application()
    client = TestClient(app)
    first = client.get("/ipc/client.js")
    assert first.status_code == 200
    assert first.headers["content-type"].startswith("text/javascript")
    assert first.headers["cache-control"] == "no-cache"
    assert first.headers["sourcemap"] == "client.js.map"
    again = client.get("/ipc/client.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/ipc/client.js.map").json()["version"] == 3
    assert client.get("/ipc/client.global.js").status_code == 200


def test_only_pages_of_listed_origins_may_read_the_client() -> None:
    app, _ = application(origins=["https://app.example"])
    client = TestClient(app)
    listed = client.get("/ipc/client.js", headers={"Origin": "https://app.example"})
    assert listed.headers["access-control-allow-origin"] == "https://app.example"
    other = client.get("/ipc/client.js", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers
    assert other.headers["vary"] == "Origin"
