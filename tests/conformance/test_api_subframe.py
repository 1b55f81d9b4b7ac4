"""Electron's spec/api-subframe-spec.ts: every document that loads the client is a frame with its own replies."""

from collections.abc import Callable
from typing import Any

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.framed import Site
from tests.conformance.titles import electron
from webipc import IpcMainEvent

PAGES = ["frame-with-frame-container.html", "frame-with-frame.html", "frame.html"]

Answer = Callable[[IpcMainEvent], None]


def events(tab: WebDriver, site: Site, *pages: str) -> list[IpcMainEvent]:
    """Load the first of these pages, each of which embeds the next. Return the event of each."""
    tab.get(f"{site.url}/{pages[0]}")
    ran = {url: event for event, url in site.ran.wait(len(pages))}
    return [ran[f"{site.url}/{page}"] for page in pages]


def check_each_is_itself(said: list[Any], pages: list[str], site: Site) -> None:
    assert (
        len({event.frame_id for event in said}) == len({event.sender_frame.frame_token for event in said}) == len(pages)
    )
    assert [event.sender_frame.routing_id for event in said] == [event.frame_id for event in said]
    assert [event.sender_frame.url for event in said] == [f"{site.url}/{page}" for page in pages]
    assert len({event.sender for event in said}) == 1


def by_reply(event: Any) -> None:
    event.reply("preload-ping")


def by_sender_frame(event: Any) -> None:
    event.sender_frame.send("preload-ping")


each_way = pytest.mark.parametrize("answer", [by_reply, by_sender_frame])


def check_it_pongs(site: Site, asked: IpcMainEvent, answer: Answer) -> None:
    pongs = site.once("preload-pong")
    answer(asked)
    ((event, _),) = pongs.wait()
    assert event.frame_id == asked.frame_id
    assert event.sender_frame is asked.sender_frame


@electron("renderer nodeIntegrationInSubFrames › should load preload scripts in top level iframes")
def test_the_client_is_available_in_top_level_iframes(tab: WebDriver, site: Site) -> None:
    pages = ["frame-container.html", "frame.html"]
    check_each_is_itself(events(tab, site, *pages), pages, site)


@electron("renderer nodeIntegrationInSubFrames › should load preload scripts in nested iframes")
def test_the_client_is_available_in_nested_iframes(tab: WebDriver, site: Site) -> None:
    check_each_is_itself(events(tab, site, *PAGES), PAGES, site)


@each_way
@electron(
    "renderer nodeIntegrationInSubFrames › should correctly reply to the main frame with using event.reply",
    "renderer nodeIntegrationInSubFrames › should correctly reply to the main frame with using event.senderFrame.send",
)
def test_should_correctly_reply_to_the_main_frame(tab: WebDriver, site: Site, answer: Answer) -> None:
    main, _ = events(tab, site, "frame-container.html", "frame.html")
    check_it_pongs(site, main, answer)


@each_way
@electron(
    "renderer nodeIntegrationInSubFrames › should correctly reply to the sub-frames with using event.reply",
    "renderer nodeIntegrationInSubFrames › should correctly reply to the sub-frames with using event.senderFrame.send",
)
def test_should_correctly_reply_to_the_sub_frames(tab: WebDriver, site: Site, answer: Answer) -> None:
    _, child = events(tab, site, "frame-container.html", "frame.html")
    check_it_pongs(site, child, answer)


@each_way
@electron(
    "renderer nodeIntegrationInSubFrames › should correctly reply to the nested sub-frames with using event.reply",
    "renderer nodeIntegrationInSubFrames › "
    "should correctly reply to the nested sub-frames with using event.senderFrame.send",
)
def test_should_correctly_reply_to_the_nested_sub_frames(tab: WebDriver, site: Site, answer: Answer) -> None:
    *_, nested = events(tab, site, *PAGES)
    check_it_pongs(site, nested, answer)


@electron("What a child frame sends reaches its own ipc and the contents', and not the main frame's")
def test_what_a_child_frame_sends_does_not_reach_the_ipc_of_the_main_frame(tab: WebDriver, site: Site) -> None:
    main, child = events(tab, site, "frame-container.html", "frame.html")
    order: list[str] = []
    assert main.sender_frame is not None
    assert child.sender_frame is not None
    emitters = {"main": main.sender_frame.ipc, "child": child.sender_frame.ipc, "contents": child.sender.ipc}
    for name, ipc in emitters.items():
        ipc.on("preload-pong", lambda event, url, name=name: order.append(name))
    check_it_pongs(site, child, by_reply)
    assert order == ["child", "contents"]


@electron("event.sender.send goes to the main frame, whichever frame has sent")
def test_what_is_sent_to_the_sender_of_a_child_goes_to_the_main_frame(tab: WebDriver, site: Site) -> None:
    main, child = events(tab, site, "frame-container.html", "frame.html")
    pongs = site.once("preload-pong")
    child.sender.send("preload-ping")
    ((event, _),) = pongs.wait()
    assert event.frame_id == main.frame_id
