"""Reports: their settings, areas and bytes."""
