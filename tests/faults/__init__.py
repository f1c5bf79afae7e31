"""The fault campaign: real parts under traffic, seeded faults, and the invariants checked from the outside.

`python -m tests.faults` (`make faults`) runs the long one; `test_campaign.py` is a short one for `make test`.
`docs/reliability.md` says what is injected, what is checked and what it found.
"""
