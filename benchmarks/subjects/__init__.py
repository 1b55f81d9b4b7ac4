"""The servers that are measured, each a program of one file: `python -m benchmarks.subjects.<name> PORT`.

Every one does the same four things in its library's own idiom: adds two numbers, echoes bytes, pushes events, tells
everybody. The neighbours on Node are in `benchmarks/node/servers/`.
"""
