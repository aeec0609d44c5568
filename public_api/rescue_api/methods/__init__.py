"""What each method of the API does, a theme per module."""
