"""Model servers: requests and the chat completions protocol (here), and rooms for what each side of it takes."""
