"""Notebooks as stages: stage files, staleness, kernels, the papermill engine, run records."""
