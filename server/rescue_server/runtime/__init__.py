"""What makes the pure core a running server: the engine, leases, timers, watches and connected consoles.

asyncio, no gRPC. One engine is the single writer: a command is decided, stored, applied and then published, in order.
"""
