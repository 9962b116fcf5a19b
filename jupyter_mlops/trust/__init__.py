"""Who acts and what may be believed: identity, secrets, keys, signing, PII detectors."""
