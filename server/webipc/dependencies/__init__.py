"""What FastAPI fills in for a function of the application: which parameters, and FastAPI's solver that does it.

The only folder that knows `fastapi.dependencies`. Must not know channels, links, or who is asked for what.
"""
