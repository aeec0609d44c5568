"""The server seen from outside: logs, metrics and traces. Nothing here changes what it does, or costs much when unused.

Secrets, tokens, tickets, chat and terms never get here: only names, numbers, codes and causes.
"""
