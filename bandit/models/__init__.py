"""What learns: posteriors as sums and as moments, and the files that hold them."""
