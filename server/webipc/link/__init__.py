"""One link on whatever carries it: time, resume, reset, its calls and its ports.

Must not know other links, how a transport works, or where a message is routed.
"""
