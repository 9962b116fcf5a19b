"""Models: versions as GTO tags, aliases, formats."""
