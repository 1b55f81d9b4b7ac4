"""One link on any transport: resume, reset and timeouts, its calls and its ports.

Must not know other links, how a transport works, or where a message is dispatched.
"""
