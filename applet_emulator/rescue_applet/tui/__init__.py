"""The customer's computer on a full screen, drawn with Textual: an optional face (`pip install rescue-emulator[tui]`).

`app` draws what `rescue_applet.view_model` computes, and handles the keys.
"""
