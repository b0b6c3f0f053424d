"""One function per thing that a user does, and what repeats it: recipes, batches, reruns."""
