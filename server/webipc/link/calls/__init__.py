"""The calls and the ports of one link: the server's calls in the page, the page's `sendSync`, and when each is made.

Must not know which socket carries the link, nor what a call runs.
"""
