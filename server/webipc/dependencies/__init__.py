"""What FastAPI fills in of a function: its dependencies and the other parameters that come from a request.

Must not know channels, events or links.
"""
