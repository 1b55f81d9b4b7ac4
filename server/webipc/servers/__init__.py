"""What an ASGI server can offer beyond ASGI, the servers that offer it, and what a stand-in for a server needs.

A frame is bytes here. Must not know links, nor the meaning of a frame.
"""
