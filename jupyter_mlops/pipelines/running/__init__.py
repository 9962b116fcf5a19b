"""Runs: what is asked, which stages may start, and each stage to its end, recorded as DVC does."""
