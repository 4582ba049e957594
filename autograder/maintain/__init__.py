"""What only the repository needs: build the handout, and test the suite against right and wrong submissions."""
