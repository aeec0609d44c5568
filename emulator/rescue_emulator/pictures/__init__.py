"""Pictures that are made from the published table."""
