"""The test suite: a pytest plugin, assertions for the tests, outcomes and how they are explained."""
