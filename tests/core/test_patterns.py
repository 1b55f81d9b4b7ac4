"""Random patterns of Python, as a real engine of JavaScript reads them: it compiles each one that Python sends, and
finds the same with it. All go through one process of Node.
"""

import json
import random
import re
import shutil
import subprocess
import warnings
from typing import Any

from webipc.core.values import JSRegExp

ATOMS = [
    *"abc.^$-,10/=<>:!é]{}|",
    *("\\d", "\\D", "\\w", "\\s", "\\b", "\\n", "\\0", "\\08", "\\012", "\\101", "\\x41", "\\u0041"),
    *("\\-", "\\.", "\\{", "\\}", "\\/", "\\_", "\\ ", "\\é", "\\😀", "😀", "٣", "\\A", "\\Z", "\\1", "\\2"),
    *("(a)", "(?:b)", "(?P<n>a)", "(?P<é>b)", "(?P=n)", "(?=a)", "(?!b)", "(?<=a)", "(?<!b)", "(?>a)", "(?i:a)"),
    *("[ab]", "[^a]", "[]a]", "[^]a]", "[a-c]", "[\\d-]", "[\\b]", "[\\1]", "[\\]]", "[\\\\]", "[é-ü]", "[a😀]"),
    *("[[]", "[(?]", "[{2}]", "[+*?]", "[a+]", "(?#x)", "(", "(?:", "(?=", "(?<=", ")"),
]
QUANTIFIERS = ["*", "+", "?", "{2}", "{1,2}", "{,3}", "{,}", "{2,}", "{,٣}", "{a}", "{1", "{,"]
FLAGS = [re.NOFLAG, re.IGNORECASE, re.MULTILINE, re.DOTALL, re.ASCII]
TEXTS = ["a", "ab", "aab", "abc", "aabcc", "ba\n", "a{2}b", "a]b-", "12,0", "caaaba", "{,3}", "a{,}", "a/b.", "a b\tA"]

# What each RegExp finds in each text, as [index, length] or null; the text of the error where it does not compile.
SCRIPT = """
const { sources, texts } = JSON.parse(require('fs').readFileSync(0, 'utf8'))
const found = (regexp, text) => { const match = regexp.exec(text); return match && [match.index, match[0].length] }
const answer = ([source, flags]) => {
  try { return texts.map((text) => found(new RegExp(source, flags), text)) } catch (error) { return String(error) }
}
console.log(JSON.stringify(sources.map(answer)))
"""


def random_patterns(count: int) -> list[re.Pattern[str]]:
    # The same ones in every run.
    chance = random.Random(13)
    patterns: list[re.Pattern[str]] = []
    with warnings.catch_warnings(action="ignore"):
        while len(patterns) < count:
            try:
                patterns.append(re.compile(random_source(chance), chance.choice(FLAGS)))
            except re.error:
                continue
    return patterns


def random_source(chance: random.Random) -> str:
    pieces: list[str] = []
    for _ in range(chance.randint(1, 7)):
        pieces.append(chance.choice(ATOMS))
        if chance.random() < 0.45:
            pieces.append(chance.choice(QUANTIFIERS) + chance.choice(["", "", "+", "?"]))
    return "".join(pieces)


def sent_as(pattern: re.Pattern[str]) -> JSRegExp | None:
    try:
        return JSRegExp.from_pattern(pattern)
    except ValueError:
        return None


def javascript_finds(regexps: list[JSRegExp]) -> list[Any]:
    node = shutil.which("node")
    assert node is not None
    given = json.dumps({"sources": [(regexp.source, regexp.flags) for regexp in regexps], "texts": TEXTS})
    answer: list[Any] = json.loads(subprocess.check_output([node, "-e", SCRIPT], input=given, text=True))
    return answer


def python_finds(pattern: re.Pattern[str], text: str) -> list[int] | None:
    match = pattern.search(text)
    return match and [match.start(), match.end() - match.start()]


def test_javascript_compiles_every_pattern_that_python_sends_and_finds_the_same_with_it() -> None:
    pairs = [(pattern, sent) for pattern in random_patterns(5_000) if (sent := sent_as(pattern)) is not None]
    assert len(pairs) > 2_500
    for (pattern, sent), found in zip(pairs, javascript_finds([sent for _, sent in pairs]), strict=True):
        assert found == [python_finds(pattern, text) for text in TEXTS], (pattern, sent)
