"""The mutants, a module an area. Each has a list MUTANTS; every module here is collected."""
