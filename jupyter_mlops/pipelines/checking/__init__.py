"""What a check in CI says: gates, where to look, reports; and the pipeline handed to other engines."""
