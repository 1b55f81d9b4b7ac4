"""What is sent to Redis and read from it, in order, over two connections that are made again; and what is lost there.

Must not know the directory, nor what a message means.
"""
