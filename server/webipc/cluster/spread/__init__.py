"""What is sent to many pages, or to pages at other workers: broadcasts, groups, `remote(id)`, `sendTo`, and their list.

Must not know how a tab moves. What arrives is checked here as if a stranger had sent it.
"""
