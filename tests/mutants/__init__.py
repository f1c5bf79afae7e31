"""Faults put into a copy of the code by hand, one at a time, to see which test finds each: `make mutants`.

`mutant.py` says what one is, `catalogue/` has them by area, `bench.py` puts one in and tries its test, `__main__.py`
tries all. A fault that no test finds is a hole in the tests: write the test that fails, or mend the code.
"""
