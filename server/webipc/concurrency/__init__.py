"""Mechanisms of asyncio, one in each file.

Must not know webipc: what is queued, flushed or waited for.
"""
