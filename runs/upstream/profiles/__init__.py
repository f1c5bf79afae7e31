"""What a server and a model accept, and how a request is shaped after it."""
