"""A model that follows its instructions and does nothing else: the same request has the same answer, offline."""
