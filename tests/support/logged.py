"""Reads what webipc logged during a test."""

import logging

import pytest


def troubles(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return webipc's log messages of level WARNING and above."""
    return [each.getMessage() for each in caplog.records if each.name == "webipc" and each.levelno >= logging.WARNING]
