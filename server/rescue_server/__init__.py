"""The session server: it keeps the sessions, derives what each technician sees, and publishes it."""
