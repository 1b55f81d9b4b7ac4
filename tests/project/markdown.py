"""Reads Markdown for the tests of documents: headings, links, code spans, and generated blocks."""

import re

CODE_BLOCK = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
CODE_SPAN = re.compile(r"`([^`\n]+)`")


def anchors_of(text: str) -> set[str]:
    """Return the fragments that lead to a document's headings."""
    headings = re.findall(r"^#+ (.*)$", CODE_BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def links_of(text: str) -> list[str]:
    """Return the targets of a document's links, without those in code."""
    prose = re.sub(r"`[^`\n]*`", "code", CODE_BLOCK.sub("", text))
    return sorted(set(re.findall(r"\]\(([^)\s]+)\)", prose)))


def code_spans_of(text: str) -> list[str]:
    """Return what stands in single backticks, without code blocks."""
    return CODE_SPAN.findall(CODE_BLOCK.sub("", text))


def generated(text: str, name: str) -> str | None:
    """Return the block that a program writes, between the comments `name: generated` and `/name`; None without it."""
    name = re.escape(name)
    match = re.search(rf"<!-- {name}: generated -->\n(.*?)\n<!-- /{name} -->", text, re.DOTALL)
    return match and match[1].strip()
