"""What a run leaves: its record with all that it pins, and the small files of runs under way."""
