"""What the notebook imports: diagrams, experiments, and the training loop (`trainer`, a page to read)."""
