"""Images: building those of services, and standing in for public ones where no registry answers."""
