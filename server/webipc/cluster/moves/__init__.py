"""A tab that moves from one process to another: written down where it is, and restored where its page comes next.

Must not know what a bus is made of, nor what is said to every page: that is given to it.
"""
