"""Accept uploads on the import page only, from those who may import, and stop reading at IMPORT_MAX_BYTES."""

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import QueryDict
from django.urls import reverse
from django.utils.datastructures import MultiValueDict

from newsletter.accounts.second_factor_middleware import next_page


class BoundedUpload(FileUploadHandler):
    """Stops an upload that is too large or unexpected; the form then sees no file.

    The check for a CSRF token reads the whole body before any view runs, so the right is checked here.
    """

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> tuple[QueryDict, MultiValueDict[str, Any]] | None:
        """Return an empty form, without reading the body, to somebody who may not import."""
        is_import = self.request is not None and self.request.path == reverse("admin:subscribers_importrun_add")
        self.bytes_left = settings.IMPORT_MAX_BYTES if is_import else 0
        if is_import and not may_import(self.request):
            return QueryDict(), MultiValueDict()
        return None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Stop before the next handler creates a temporary file for an upload that nobody expects."""
        super().new_file(*args, **kwargs)
        if not self.bytes_left:
            raise StopUpload(connection_reset=True)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self.bytes_left -= len(raw_data)
        if self.bytes_left < 0:
            raise StopUpload(connection_reset=True)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None


def may_import(request: Any) -> bool:
    """Return whether the user is logged in, has passed the second factor and may add imports."""
    user = request.user
    return user.is_staff and user.has_perm("subscribers.add_importrun") and next_page(request) is None
