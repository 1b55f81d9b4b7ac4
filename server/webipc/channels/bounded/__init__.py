"""Validation by Pydantic whose cost depends on what a page sent, and not on what it chose (docs/adr/0022).

`schema.py` changes a core schema, `steps.py` has the steps that it puts in. Must not know functions or channels.
"""
