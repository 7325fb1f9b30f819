"""From the firmware's sources to a board: the tree it carries, the words of the tools that bring it there, its label."""
