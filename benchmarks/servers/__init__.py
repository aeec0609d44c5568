"""The servers that are measured, each a program that prints `ready PORT`."""
