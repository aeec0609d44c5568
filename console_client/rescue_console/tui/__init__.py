"""The full-screen console, drawn with Textual: an optional face (`pip install rescue-emulator[tui]`).

`app` is the whole of it; `history`, `wording` and `timeline` are pure. The client knows nothing of it.
"""
