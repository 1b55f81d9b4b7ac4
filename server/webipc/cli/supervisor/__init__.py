"""The parent process of `webipc run --workers N`: keeps N workers running, and tells them to end.

It must import neither the application nor uvicorn: it stays small, and no fault of an application reaches it.
Reasons and figures: docs/adr/0052-the-parent-accepts-and-hands-out.md
"""
