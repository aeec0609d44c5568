#!/usr/bin/env bash
# What a CI job of your project runs, on a machine that has nothing of the emulator yet.
set -euo pipefail
python3 -m venv .venv
.venv/bin/pip install "$RESCUE_WHEEL" pytest pytest-asyncio  # RESCUE_WHEEL: the file that `make wheel` made
.venv/bin/pytest --rescue=share --rescue-seed 42 --rescue-artifacts failures
