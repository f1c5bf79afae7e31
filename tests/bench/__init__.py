"""The benchmark: `make bench`, or `python -m tests.bench --quick`. Its figures go into docs/benchmarks.md.

It measures, on the same machine and in the same minutes, the upstream read directly, this system, and the plain way:
a row and a group_send per chunk. All of them read the same scripted upstream and are read by the same load generator.
"""
