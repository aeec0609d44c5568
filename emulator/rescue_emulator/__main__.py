"""`python -m rescue_emulator` is `rescue`."""

from rescue_emulator.entry import main

if __name__ == "__main__":
    main()
