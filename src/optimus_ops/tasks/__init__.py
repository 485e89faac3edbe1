"""The root of the task tree, and the subsystems that it is assembled from."""
