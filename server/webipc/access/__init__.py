"""Identifies who makes a request, and admits or refuses it.

Decides by plain strings and records, so a policy can be tested without a request. Must not know sockets or links.
"""
