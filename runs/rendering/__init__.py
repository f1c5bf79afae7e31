"""Final answers as HTML, rendered once, in a process that can be killed.

`markdown` and `highlighting` render. They and `__main__`, the child process, do not use Django, so that the child
starts quickly. `renderer` is the worker's end of that process; `backlog` finds answers to render and stores their HTML.
"""
