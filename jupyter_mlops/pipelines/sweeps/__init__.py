"""Sweeps: a stage run again and again with other parameters, to find the best."""
