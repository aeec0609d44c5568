"""The vendor's public HTTP API over the emulator's own facts: text methods, SOAP, reports.

An adapter and nothing more: it knows the vendor's words, reads through `rescue_client`, and keeps no facts.
"""
