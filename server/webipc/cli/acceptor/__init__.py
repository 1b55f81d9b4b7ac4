"""How the parent process accepts connections: it looks at what they begin with, and finds the worker for them.

It must import neither the application nor uvicorn, and knows no process: it is told who may take a connection.
"""
