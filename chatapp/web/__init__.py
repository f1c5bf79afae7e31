"""The pages: everything that people see in a browser, by resource."""
