"""Face: the Jupyter server extension; every route derives from the verbs."""
