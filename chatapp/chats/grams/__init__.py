"""The index for text without spaces between words, and for emoji: any part of such a text is found (docs/adr/0026).

Only messages with such a letter, in their text or their files, are in it. A query is split into runs of these letters
and other words. A run is found wherever it occurs. Another word is found here where it follows such a letter, as in
使用Python; all its other places are those of the index of words (`chats.search`).
"""
