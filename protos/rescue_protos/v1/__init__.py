"""Version 1 of the contract; everything here but this file is generated (`make contract`)."""
