"""What an application registers on a channel: listeners, handlers, and the checks of their arguments.

Must not know pages, links, or how a handler is run.
"""
