"""A tab that moves from one process to another: written down where it is, and restored where its page comes next.

Must not know how the processes speak to each other.
"""
