"""The demo project on real data."""
