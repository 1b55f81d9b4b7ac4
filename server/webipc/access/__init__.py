"""Who makes a request, and whether it is let in.

Decides by plain strings and records. Must not know sockets or links.
"""
