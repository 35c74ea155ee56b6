"""Results as a versioned JSON schema, an offline HTML page and viewer scripts."""
