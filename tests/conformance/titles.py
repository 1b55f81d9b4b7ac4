"""Ties a test to what it answers to in Electron: docs/electron-conformance.md lists both, and test_list.py compares.

Knows no table and no file: it only marks.
"""

import pytest


def electron(*titles: str) -> pytest.MarkDecorator:
    """Mark a test with the titles of Electron's own tests that it answers to, groups and all, parted by ` › `.

    A behaviour that Electron has no test for has a sentence of ours instead, which is in the table as well.
    """
    return pytest.mark.electron(*titles)
