"""Several processes of a server that serve the same pages: the bus between them, relays, and tabs that move.

Must not know what a message means, nor run the application's code but through its ASGI interface.
"""
