"""The home of a tab: runs the sockets and requests that other workers have relayed through the application.

Must not know what a frame means: the application's own endpoints take it.
"""
