"""The pytest plugin: the fixtures `world` and `sync_world`."""
