"""The tests of two versions make the second one of this checkout's files, so they have to be changed together."""

from tests.support.another_version import absent


def test_every_text_that_another_version_has_otherwise_is_in_this_one() -> None:
    assert absent() == [], "change tests/support/another_version.py as well"
