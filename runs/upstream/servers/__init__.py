"""The servers themselves: which there are, what models they list, whether they answer."""
