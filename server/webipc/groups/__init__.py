"""Groups of tabs and documents, and the tabs of each user: who is in them, and messages to all of them, encoded once.

Must not know how links begin and end, nor who a user is: tabs come with their identity.
"""
