"""What webipc has logged while a test ran. Knows no message of it."""

import logging

import pytest


def troubles(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what a person should look at."""
    return [each.getMessage() for each in caplog.records if each.name == "webipc" and each.levelno >= logging.WARNING]
