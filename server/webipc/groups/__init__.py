"""Messages to many pages, encoded once, and what is charged for them.

Must not know how links begin and end, nor who a user is.
"""
