"""The named limits. Twin: js-client/test/core/limits.test.ts"""

import json
import re
from dataclasses import FrozenInstanceError, asdict
from pathlib import Path
from typing import Any

import pytest

from webipc.core.limits import DEFAULT_LIMITS, Limits


def test_the_defaults_are_those_of_the_vector(vectors: Path) -> None:
    assert asdict(DEFAULT_LIMITS) == json.loads((vectors / "constants.json").read_text(encoding="utf-8"))["limits"]


def test_the_defaults_are_those_of_the_protocol(project_root: Path) -> None:
    section = (
        (project_root / "PROTOCOL.md").read_text(encoding="utf-8").partition("## 9. Limits")[2].partition("## 10.")[0]
    )
    rows = re.findall(r"^\| `(\w+)` \| ([\d,]+) \|", section, re.MULTILINE)
    assert asdict(DEFAULT_LIMITS) == {name: int(number.replace(",", "")) for name, number in rows}


def test_limits_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        DEFAULT_LIMITS.depth = 3  # type: ignore[misc]


@pytest.mark.parametrize("value", [-1, 1.5, True, "3", None])
def test_a_limit_that_is_no_count_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="depth must be a non-negative integer"):
        Limits(depth=value)
