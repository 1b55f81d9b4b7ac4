"""Every link and every tab of the process.

Must not know HTTP, WebSockets or FastAPI, nor what a message means.
"""
