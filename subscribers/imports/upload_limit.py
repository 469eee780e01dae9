"""Accept uploads on the import page only, and stop reading at IMPORT_MAX_BYTES."""

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.urls import reverse


class BoundedUpload(FileUploadHandler):
    """Stops an upload that is too large or unexpected; the form then sees no file."""

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        is_import = self.request is not None and self.request.path == reverse("admin:subscribers_importrun_add")
        self.bytes_left = settings.IMPORT_MAX_BYTES if is_import else 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self.bytes_left -= len(raw_data)
        if self.bytes_left < 0:
            raise StopUpload(connection_reset=True)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
