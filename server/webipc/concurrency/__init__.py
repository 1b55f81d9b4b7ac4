"""Mechanisms for asyncio, one in each file.

Must not know the rest of webipc: what is queued, flushed or waited for is a callable or a protocol of the file.
"""
