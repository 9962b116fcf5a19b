"""Face: the Jupyter server extension; every route derives from the verbs."""

BASE = "/mlops/v1"
"""Where the routes begin, below the base address of the Jupyter server."""
