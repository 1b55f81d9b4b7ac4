"""What an application registers on a channel: listeners and handlers, and the validation of their arguments.

Must not know pages, links, or how a handler is run.
"""
