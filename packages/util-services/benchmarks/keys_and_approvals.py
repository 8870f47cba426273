"""What keys and approvals cost a run: medians of many calls, in this process.

    uv run python packages/util-services/benchmarks/keys_and_approvals.py

Everything is on a temporary disk. Trust the ratios of one run, not the times.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from util_services.approvals import ApprovalRequest, Approver, Trust, approve, require
from util_services.approvals.trust import add_approver
from util_services.approvals.uses import FolderUses
from util_services.encryption.secret import Secret
from util_services.keys import Keyset, KeysetInfo
from util_services.keys.backup import Backup
from util_services.keys.key_pairs import KeyPair
from util_services.keys.providers.file import FileProvider, PlainWrapping
from util_services.keys.sealing import Passphrase, Recipient

if TYPE_CHECKING:
    from collections.abc import Callable


def measure(name: str, call: Callable[[], object], repeats: int) -> None:
    """Print the median time of a call."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    print(f"{name:<46}{statistics.median(times) * 1e6:12.1f} µs")


def main() -> None:
    """Measure all of it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeats", type=int, default=300)
    repeats = options.parse_args().repeats
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        provider = FileProvider(folder / "keys", PlainWrapping())
        provider.create(Keyset.generate("demo"))
        keyset = provider.load("demo")
        pair = KeyPair.generate("recovery", "DPO")
        ada = KeyPair.generate("approval", "Ada")
        add_approver(folder / "trust", Approver(ada.public, "Ada"))
        request = ApprovalRequest("job", "ab" * 32, "purpose", "bob", ("email",))
        token = approve(request, ada, timedelta(hours=8))
        uses = FolderUses(folder / "used")

        def let_through() -> None:
            trust = Trust.load(folder / "trust")
            require(token, request, run_id="run", trust=trust)

        def let_through_once() -> None:
            trust, once = (
                Trust.load(folder / "trust"),
                approve(request, ada, timedelta(hours=8), single_use=True),
            )
            require(once, request, run_id="run", trust=trust, uses=uses)

        phrase = Passphrase.new(Secret(b"correct horse battery"))
        measure("load a keyset from its file", lambda: provider.load("demo"), repeats)
        measure("derive a subkey", lambda: keyset.primary.subkey("clinic-a", "hash"), repeats)
        measure("sign an approval", lambda: approve(request, ada, timedelta(hours=8)), repeats)
        measure("require an approval, trust read anew", let_through, repeats)
        measure("sign, require and record a single use", let_through_once, repeats)
        measure("back up for a recovery key", lambda: Backup.of(keyset, Recipient(pair.public)), 50)
        measure("back up under a passphrase", lambda: Backup.of(keyset, phrase), 5)
        measure("rotate (fsync included)", lambda: provider.update("demo", KeysetInfo.rotated), 50)


if __name__ == "__main__":
    main()
