"""Stages on a Dask cluster: committed here, cloned and run there, recorded here."""
