"""What several processes of a server have in common: tabs that move from one to another.

Must not know what a message means, nor run the application's code.
"""
