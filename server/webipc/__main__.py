"""`python -m webipc` is the command `webipc`."""

from webipc.cli import main

raise SystemExit(main())
