"""What a model server sends: bytes of an answer in, text, reasoning, tool calls, usage and an ending out."""
