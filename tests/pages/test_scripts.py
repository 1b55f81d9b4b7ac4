"""How the built client is served: what may be cached, and which pages may load and read it."""

import logging
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.support.applications import application
from webipc.pages import assets


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


def test_the_client_is_served_while_an_installer_replaces_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = tmp_path / "js-client" / "dist"
    files.mkdir(parents=True)
    (files / "client.js").write_text("old()")
    monkeypatch.setattr(assets, "_CHECKOUT", tmp_path)
    monkeypatch.setattr(assets, "files", lambda package: tmp_path / "not installed")
    monkeypatch.setattr(assets, "_served", {})
    client = TestClient(application()[0])
    first = client.get("/ipc/client.js")
    (files / "client.js").rename(files / "removed")
    between = client.get("/ipc/client.js")
    assert (between.status_code, between.text, between.headers["etag"]) == (200, "old()", first.headers["etag"])
    (files / "client.js").write_text("newer()")
    assert client.get("/ipc/client.js").text == "newer()"
    # One that was never there.
    with pytest.raises(assets.MissingAssetError):
        client.get("/ipc/client.global.js")


def test_only_pages_of_listed_origins_may_read_the_client() -> None:
    app, _ = application(origins=["https://app.example"])
    client = TestClient(app)
    listed = client.get("/ipc/client.js", headers={"Origin": "https://app.example"})
    assert listed.headers["access-control-allow-origin"] == "https://app.example"
    other = client.get("/ipc/client.js", headers={"Origin": "https://evil.example"})
    assert other.status_code == 403
    assert "access-control-allow-origin" not in other.headers
    assert other.headers["vary"] == "Origin"


def served(tmp_path: Path, **settings: Any) -> TestClient:
    preload = tmp_path / "first.js"
    preload.write_text("first()")
    return TestClient(application(preload=[preload], **settings)[0], base_url="https://own.example")


SCRIPTS = ["client.js", "client.global.js", "client.js.map", "electron.js", "web-view.js", "preload.js"]

# What a browser sends for a script of a page of another site, by the way the script is loaded.
OTHER_SITES = {
    "a module": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    "a classic script": {"Sec-Fetch-Site": "cross-site", "Referer": "https://evil.example/"},
    "a classic script without a referrer": {"Sec-Fetch-Site": "cross-site"},
    "a classic script of a sibling domain": {"Sec-Fetch-Site": "same-site", "Referer": "https://evil.own.example/"},
    "a module of a sandboxed frame": {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    "another spelling of the own origin": {"Origin": "https://own.example#x"},
}


@pytest.mark.parametrize("headers", OTHER_SITES.values(), ids=OTHER_SITES)
@pytest.mark.parametrize("script", SCRIPTS)
def test_pages_of_other_sites_get_no_script_and_no_cookie(
    tmp_path: Path, script: str, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "webipc")
    answer = served(tmp_path, origins=["https://listed.example"]).get(f"/ipc/{script}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, 4403)
    assert "set-cookie" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    (record,) = caplog.records
    assert "was refused: " in record.getMessage()
    assert "list it in IpcMain(origins=[...])" in record.getMessage()


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize(
    "headers, policy",
    [
        ({}, "same-origin"),
        ({"Sec-Fetch-Site": "same-origin", "Referer": "https://own.example/"}, "same-origin"),
        ({"Sec-Fetch-Site": "none"}, "same-origin"),
        ({"Origin": "https://own.example"}, "same-origin"),
        ({"Origin": "https://listed.example", "Sec-Fetch-Site": "cross-site"}, "cross-origin"),
        ({"Sec-Fetch-Site": "cross-site", "Referer": "https://listed.example/"}, "cross-origin"),
        # A browser that does not say which site asks: it looks at the policy.
        ({"Referer": "https://listed.example/"}, "cross-origin"),
        ({"Referer": "https://evil.example/"}, "same-origin"),
    ],
)
def test_own_and_listed_pages_get_every_script(
    tmp_path: Path, script: str, headers: dict[str, str], policy: str
) -> None:
    client = served(tmp_path, origins=["https://listed.example"])
    answer = client.get(f"/ipc/{script}", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["cross-origin-resource-policy"] == policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = client.get(f"/ipc/{script}", headers={**headers, "If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert again.headers["cross-origin-resource-policy"] == policy


def test_a_page_from_a_file_gets_the_scripts_where_a_missing_origin_is_allowed(tmp_path: Path) -> None:
    client = served(tmp_path, allow_missing_origin=True)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        answer = client.get("/ipc/client.global.js", headers=headers)
        assert (answer.status_code, answer.headers["cross-origin-resource-policy"]) == (200, "cross-origin")
