"""The example of docs/testing.md is run as it stands, by pytest in a process of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path


def test_the_example_of_the_guide_passes(tmp_path: Path, project_root: Path) -> None:
    text = (project_root / "docs" / "testing.md").read_text(encoding="utf-8")
    files = dict(re.findall(r"^`([\w./]+)`:\n\n```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    assert sorted(files) == ["main.py", "test_main.py"]
    for name, source in files.items():
        (tmp_path / name).write_text(source, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(project_root / "server")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout
