"""A small HTTP/1.1 client for streaming answers from model servers, and a server-sent events parser."""
