"""What every room speaks: errors, types, columns that we write, files that are whole or absent."""
