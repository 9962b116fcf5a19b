"""Deployments: supervisor, router and workers that speak the Open Inference Protocol V2."""
