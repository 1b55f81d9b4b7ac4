"""uvicorn's HTTP classes, which bound what a connection costs before it is a request (docs/adr/0024).

`by_httptools` is what `webipc run` uses, `by_h11` where httptools is not installed; `connection` is common to both.
"""
