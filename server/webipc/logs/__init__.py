"""What of a page may stand in the log: escaped, cut, and no more lines than the operator can read.

Must not know what a message means.
"""
