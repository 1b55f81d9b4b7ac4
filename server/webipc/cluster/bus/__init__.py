"""How the processes of a server speak to each other: the bus, the directory of who is home to what, and what they say.

Must not know tabs, links or a message's meaning, and imports neither a network nor Redis.
"""
