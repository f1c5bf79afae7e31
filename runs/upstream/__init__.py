"""Model servers: requests, the chat completions protocol, titles, probes, and the catalog of models."""
