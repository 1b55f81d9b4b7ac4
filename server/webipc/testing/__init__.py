"""A page for the tests of your own application, in the process of the test: without a browser, a socket or a port.

    async with Renderer(app) as page:
        assert await page.invoke("add", 1, 2) == 3
        page.send("ping", "hello")
        assert await page.received("pong") == ["hello"]
        assert await page.send_sync("version") == "1.0"

        channel = MessageChannelMain()  # stands for the page's own `new MessageChannel()`
        page.post_message("provide", {"rate": 2}, [channel.port2])
        async for event in channel.port1:
            ...

        async with page.open() as other:  # another tab of the same browser
            page.send_to(other.web_contents_id, "hello")
            await other.received("hello")
        async with page.open_frame() as frame:  # a document in an iframe of it
            frame.send("ping")

With a login, where `Browser` keeps the cookies that a route sets:

    async with Browser(app) as ada:
        assert (await ada.post("/login", json={"name": "ada"})).status == 200
        async with ada.open() as page:
            assert await page.invoke("whoami") == "ada"

With several workers, each of which has an application of its own:

    async with Workers(make_app) as workers, Browser(workers) as browser:
        async with browser.open(at=0) as page:
            await page.reconnect(at=1)

The page uses the same core as the server, in the role of the page, and the application's ASGI interface: routing,
middleware, the check of the origin, cookies, numbering and encoding are the real ones.
"""

from webipc.testing.browser import Browser
from webipc.testing.client import Response
from webipc.testing.errors import InvokeError, SyncError
from webipc.testing.memory_socket import ClosedError
from webipc.testing.renderer import Renderer
from webipc.testing.renderer_event import RendererEvent
from webipc.testing.workers import Workers

__all__ = ["Browser", "ClosedError", "InvokeError", "Renderer", "RendererEvent", "Response", "SyncError", "Workers"]
