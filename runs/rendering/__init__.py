"""Final answers as HTML, made once and in a process that can be killed.

`markdown` and `highlighting` make it; they and `__main__`, the child process, know nothing of Django, so that the child
starts quickly. `renderer` is the worker's end of that process, `keeping` says what is due and stores what comes of it.
"""
