"""`python -m webipc` runs the command `webipc`."""

from webipc.cli import main

raise SystemExit(main())
