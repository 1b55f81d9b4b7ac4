"""The marker that names the tests of Electron that a test corresponds to.

docs/electron-conformance.md lists both, and test_list.py compares them.
"""

import pytest


def electron(*titles: str) -> pytest.MarkDecorator:
    """Mark a test with the titles of Electron's own tests that it corresponds to, groups included, separated by ` › `.

    For a behaviour without a test in Electron, a sentence of ours replaces the title; the table has it too.
    """
    return pytest.mark.electron(*titles)
