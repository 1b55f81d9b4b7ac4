"""The workers of one realm in one memory: what a bus within a process and the parent of several workers are made on.

Must not do I/O, nor look into what is passed on.
"""
