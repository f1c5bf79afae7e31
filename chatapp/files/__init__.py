"""Files of users: stored once for each owner and content, counted, served, and deleted with the last use."""
