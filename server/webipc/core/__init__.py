"""The protocol without a transport: values, messages, frames and the link, as pure functions and state machines.

Nothing below this package does I/O, reads a clock, draws a random number or knows an event loop, so that every rule of
PROTOCOL.md can be tested by calling it. Twin: js-client/src/core/.
"""
