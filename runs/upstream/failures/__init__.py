"""What a model server reports as an error: found, classified, and told to staff and programs."""
