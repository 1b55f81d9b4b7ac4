"""The servers that are measured, each a program of one file: `python -m benchmarks.subjects.<name> PORT`.

Each does the same four things in its library's own idiom: adds two numbers, echoes bytes, pushes events, broadcasts.
The subjects on Node are in `benchmarks/node/servers/`.
"""
