"""The bus on one machine: the workers speak to their parent process over socket pairs, and it passes on what they say.

Must not look into what is passed on. What the parent imports of it stays small: no FastAPI, no Pydantic, no Starlette.
"""
