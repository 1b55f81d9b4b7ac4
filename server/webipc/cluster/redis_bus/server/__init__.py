"""What is said to a Redis server: its address, connections to it, names of keys, and entries of streams.

Must not know members, a receiver or the order of what is posted.
"""
