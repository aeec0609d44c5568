"""What happened and why, for people and scripts: `rescue why`, `rescue events` and `rescue wait`."""
