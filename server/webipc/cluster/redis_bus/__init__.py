"""The bus over Redis or Valkey: members by lease, a mailbox per worker and one stream for all, and the directory.

Only this folder imports Redis's client.
"""
