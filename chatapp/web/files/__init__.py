"""Files of messages: their contents."""
