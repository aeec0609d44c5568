"""The former place of `SyncWorld`, so that existing tests go on. Import it from `rescue_emulator.testing`."""

from rescue_emulator.testing import SyncWorld

__all__ = ["SyncWorld"]
