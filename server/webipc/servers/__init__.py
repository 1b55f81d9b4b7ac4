"""What an ASGI server may offer beyond ASGI, and the servers that offer it.

A frame is bytes here. Must not know links, nor the meaning of a frame.
"""
