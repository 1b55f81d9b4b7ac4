"""The benchmarks: one run that measures webipc beside its neighbours, and says which targets are met. See README.md."""
