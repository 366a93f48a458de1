"""Run a model with the engine of its framework, and mattes on top."""
