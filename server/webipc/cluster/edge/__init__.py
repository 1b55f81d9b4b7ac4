"""What a worker does with a socket or a request that arrives: whose tab it is, and how it gets there.

Must not know what runs at the worker that has the tab.
"""
