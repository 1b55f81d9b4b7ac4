"""PROTOCOL.md without I/O: values, messages, frames and the exactly-once link, as functions and state machines.

Must not know sockets, clocks, randomness, threads or event loops, so every rule of PROTOCOL.md can be tested by a call.
Either role runs on it, server and page. Twin: js-client/src/core/.
"""
