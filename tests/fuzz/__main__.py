"""Fuzzes the server's decoders until it is stopped: `python -m tests.fuzz [target] [seed]`.

Prints every input that is read wrongly. Without a seed, it takes a new one.
"""

import sys
from itertools import count, islice
from secrets import randbits

from tests.fuzz.running import attacks, fault_of
from tests.fuzz.targets import TARGETS

_ROUND = 1_000


def main(names: list[str], seed: int) -> None:
    """Give each target its inputs in turn, without end."""
    print(f"seed {seed}; Ctrl-C ends", flush=True)
    found = 0
    for number in count():
        for name in names:
            for attack in islice(attacks(TARGETS[name], seed + number), _ROUND):
                fault = fault_of(TARGETS[name], attack)
                if fault is not None:
                    found += 1
                    print(f"{name}: {fault}\n  {attack!r:.2000}", flush=True)
        print(f"{(number + 1) * _ROUND} inputs of each target read, {found} wrongly", flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:2] or list(TARGETS), int(sys.argv[2]) if len(sys.argv) > 2 else randbits(32))
    except KeyboardInterrupt:
        sys.exit(0)
