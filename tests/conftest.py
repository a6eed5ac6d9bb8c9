"""Settings of all tests."""

import hypothesis

# the first example may compile a kernel, and no test is about time
hypothesis.settings.register_profile("nbnumba", deadline=None)
hypothesis.settings.load_profile("nbnumba")
