"""What runs beside student code in a training process. It knows no labels of held-out images and no tests."""
