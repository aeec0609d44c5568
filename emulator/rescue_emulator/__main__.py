"""`python -m rescue_emulator` is `rescue`."""

from rescue_emulator.cli.main import main

if __name__ == "__main__":
    main()
