"""Question 4: train a student's `ResNet18()` in a confined process and measure its accuracy on held-out images."""
