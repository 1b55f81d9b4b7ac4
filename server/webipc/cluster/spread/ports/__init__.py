"""Ports whose other end is at another worker: the end that stands for it, and what goes through it.

Must not know what a program or a page does with a port.
"""
