"""The `rescue` command: one module per subcommand, with the same name."""
