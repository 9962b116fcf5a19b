"""What stages are: ``dvc.yaml``, ``dvc.lock``, the papermill command, parameters, the keys of notebooks."""
