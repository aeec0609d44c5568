"""The `rescue` command: one module for each subcommand, with the name of the subcommand."""
