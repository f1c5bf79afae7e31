"""What templates of pages can say."""
