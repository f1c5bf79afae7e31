"""How much of a chat fits into a model's context window, and what is left out of a longer one."""
