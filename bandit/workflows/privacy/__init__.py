"""A person in the record: everything shown, everything erased."""
