"""From the log to every follower: write, announce, fan out, follow."""
