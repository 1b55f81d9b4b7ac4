"""The scripts that Redis runs: each reads and writes several keys of one realm at one moment.

Must not know who asks, nor what is done with an answer.
"""
