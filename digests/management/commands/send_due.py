from typing import Any

from digests import assembly, sending
from digests.models import Batch
from newsletter.commands import ClockedCommand


class Command(ClockedCommand):
    help = "Assemble and send what is due, here and now, without a worker."

    def run(self, **options: Any) -> None:
        assembled = assembly.assemble_due_digests()
        done = [sending.send_batch(batch) for batch in Batch.objects.ready().order_by("pk")]
        self.stdout.write(f"{assembled.due} readers were due; {sum(done)} of {len(done)} batches are sent.")
