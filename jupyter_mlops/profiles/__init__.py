"""What data looked like: mergeable profiles, drift statistics, row and schema diff."""
