"""Images: decoded and written anew in a process of their own."""
