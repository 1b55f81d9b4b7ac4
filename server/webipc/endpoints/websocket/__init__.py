"""`{prefix}/socket`: one WebSocket of a page, from its handshake to its end (PROTOCOL.md 2.1, 6.1 and 8).

`endpoint` admits it, `session` is its hello, its frames and its end, `transport` writes. It is read by `readers` where
the server offers `FrameSocket`s, and by `asgi` otherwise.
"""
