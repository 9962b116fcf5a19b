"""Stages made: added, changed, proposed from what a notebook did, adopted from a run in JupyterLab."""
