"""How much of what is scarce each peer may have: bytes, links, threads (docs/adr/0023).

Must not know links, messages or sockets: who holds something registers as a `Holder`.
"""
