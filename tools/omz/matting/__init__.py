"""Pictures in, mattes out: the network, the frames that go through it, plates, and what comes behind the subject."""
