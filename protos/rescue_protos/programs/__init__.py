"""How programs start programs: on a `leash`; forked from a `fork_server`, as their parent has it in `forking`."""
