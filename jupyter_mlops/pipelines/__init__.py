"""Notebooks as stages: written, run in parallel on one machine or many, recorded, reproduced, swept, checked."""
