"""A worker process of `webipc run --workers N`: serves as one process does, what the parent process hands it."""
