"""Asks the application who a client is, and gives that an identity: the text by which two users are compared.

Runs the application's own dependencies, with bounds. Must not know links or sockets: what becomes of a refusal is not
decided here.
"""
