"""Settings of all tests."""

import signal

import hypothesis

# the first example may compile a kernel, and no test is about time
hypothesis.settings.register_profile("nbnumba", deadline=None)
hypothesis.settings.load_profile("nbnumba")

# a shell that runs the tests in the background has them ignore Ctrl-C, and with them every program that they interrupt
signal.signal(signal.SIGINT, signal.default_int_handler)
