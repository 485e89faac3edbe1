"""Images: building those of services, and standing in for public ones where no registry answers."""

from optimus_ops.images.building import build
from optimus_ops.images.fallback_images import ensure_bases
from optimus_ops.images.listing import ImageRow, list_images
from optimus_ops.images.registry import registry_answers

__all__ = ["ImageRow", "build", "ensure_bases", "list_images", "registry_answers"]
