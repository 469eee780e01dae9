class FileError(ValueError):
    """The file cannot be imported; the message says why. Nothing of it was written."""
