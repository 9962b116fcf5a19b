"""What made what: the graph from data version through run and model to deployment."""
