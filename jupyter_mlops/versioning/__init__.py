"""What bytes existed when: DVC's store, stat index, history, references, shared records."""
