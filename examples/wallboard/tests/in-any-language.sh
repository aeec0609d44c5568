#!/bin/sh
# Run by `rescue exec -- ./tests/in-any-language.sh`: a server is there, and everything finds it.
set -eu
printf 'pin Joe\nsync\n' | rescue console alice --json | python wallboard.py | tail -n 1 | grep -qx 'Connecting: 1'
rescue clock advance 20m
printf 'sync\n' | rescue console alice --json | python wallboard.py | tail -n 1 | grep -qx 'no calls'
