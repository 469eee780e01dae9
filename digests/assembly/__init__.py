"""Write the digests of everybody who is due.

The readers who are due and the published issues come in; digests, deliveries and batches go out, on disk. It may
import `digests.selection`, `digests.mail` and the models; sending, previews and pages stand beside or above it.
"""
