"""Pages without a browser, in Python alone: for what one page feels while another one loads the server.

Their frames are written by hand, so that they cost next to nothing and may be as unfriendly as a question needs.
`benchmarks/load/` is the load in C, `benchmarks/node/` has each subject's own client.
"""
