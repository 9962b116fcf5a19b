"""The child process that executes a stage, its kernel, its log, and the secrets it may see."""
