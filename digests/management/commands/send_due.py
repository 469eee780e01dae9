from typing import Any

from digests.assembly import assemble
from digests.models import Batch
from digests.sending import send_batch
from newsletter.clocked_command import ClockedCommand


class Command(ClockedCommand):
    help = "Assemble and send what is due in this process, without a worker."

    def run(self, **options: Any) -> None:
        assembled = assemble.assemble_due_digests()
        done = [send_batch.send_batch(batch) for batch in Batch.objects.ready().order_by("pk")]
        self.stdout.write(f"{assembled.due} readers were due; {sum(done)} of {len(done)} batches are sent.")
