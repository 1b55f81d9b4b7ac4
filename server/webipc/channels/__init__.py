"""What an application registers on a channel: listeners, handlers, and the checks of their arguments.

Must not know pages or links, nor how a handler is run.
"""
