"""Checks the text of the Dockerfile, without a container engine: its files exist, and it does not run as root."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

DOCKERFILE = Path(__file__).parent.parent.parent / "Dockerfile"


def instructions() -> Iterator[tuple[str, str]]:
    """Yield each instruction and its arguments, continued lines joined."""
    text = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            word, _, arguments = line.partition(" ")
            yield word, arguments.strip()


def arguments_of(word: str) -> list[str]:
    return [arguments for name, arguments in instructions() if name == word]


def test_the_base_images_are_arguments() -> None:
    assert arguments_of("ARG")[:2] == ["NODE_IMAGE=node:20-slim", "PYTHON_IMAGE=python:3.11-slim"]
    assert all(base.startswith("${") for base in arguments_of("FROM"))


def test_nothing_needs_buildkit() -> None:
    text = DOCKERFILE.read_text(encoding="utf-8")
    assert not re.search(r"^#\s*syntax=|<<|--mount|--link|--chmod|--exclude|--parents", text, re.MULTILINE)


def test_what_it_copies_is_in_the_checkout_and_not_ignored(project_root: Path) -> None:
    ignored = {line.rstrip("/") for line in (project_root / ".dockerignore").read_text().splitlines()}
    copies = [arguments.split()[:-1] for arguments in arguments_of("COPY") if not arguments.startswith("--from")]
    for source in (source.rstrip("/") for sources in copies for source in sources):
        assert (project_root / source).exists(), source
        assert source not in ignored


@pytest.mark.parametrize("word, expected", [("USER", "10001"), ("EXPOSE", "8000")])
def test_it_runs_as_a_user_and_names_its_port(word: str, expected: str) -> None:
    assert arguments_of(word) == [expected]


def test_it_has_a_health_check_and_serves_the_demo_on_all_addresses() -> None:
    assert "/ipc/ready" in arguments_of("HEALTHCHECK")[0]
    assert arguments_of("CMD") == ['["webipc", "run", "/app/examples/demo/main.py", "--host", "0.0.0.0"]']
