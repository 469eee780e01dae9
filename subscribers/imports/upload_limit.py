"""Files come in at one page only, and none is larger than it may be: what is beyond is not read at all."""

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.urls import reverse


class BoundedUpload(FileUploadHandler):
    """Ends a request's upload where it is too large, or where no file is wanted; its form then finds none."""

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        is_wanted = self.request is not None and self.request.path == reverse("admin:subscribers_importrun_add")
        self.left = settings.IMPORT_MAX_BYTES if is_wanted else 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self.left -= len(raw_data)
        if self.left < 0:
            raise StopUpload(connection_reset=True)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
