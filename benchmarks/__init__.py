"""The benchmarks: one run that measures webipc and its peers, and checks the targets. See README.md."""
