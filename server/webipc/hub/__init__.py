"""All links and tabs of one process: how they begin, how long they live, and how they end.

Must not know HTTP, WebSockets or FastAPI, nor what a message means.
"""
