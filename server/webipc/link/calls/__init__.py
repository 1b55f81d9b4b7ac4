"""The calls of one link: those of the server in the page, and those of `sendSync`, on which the page waits.

Must not know which socket carries the link, nor what a call runs.
"""
