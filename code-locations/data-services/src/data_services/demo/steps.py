"""The steps of the demonstration: what is done, why, and by which commands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the demonstration.

    Args:
        title: what is done.
        why: what it is for, in a sentence or two.
        commands: as somebody types them in the folder of the demonstration, in order.
        shows: the dataset of which some rows are shown afterwards, if any.
        is_refused: whether the last command is to be refused, since that is what is shown.
    """

    title: str
    why: str
    commands: tuple[str, ...]
    shows: str | None = None
    is_refused: bool = False


STEPS = (
    Step(
        "A messy dataset",
        "A thousand registrations of patients who do not exist: spellings vary, some patients were "
        "registered twice, numbers hold words, and everybody can be recognised.",
        ("data-services run profile_data_job --config profile.yaml",),
        shows="messy.csv",
    ),
    Step(
        "Clean it",
        "Spellings and types are repaired, and of each patient the latest registration is kept. "
        "Every row that goes is counted.",
        ("data-services run clean_data_job --config clean.yaml",),
        shows="clean.parquet",
    ),
    Step(
        "Pseudonymise it",
        "Numbers of patients become tokens under a secret key, the same for the same patient; "
        "names, addresses and free texts go.",
        (
            "data-services keys create demo --purpose pseudonymisation",
            "data-services run anonymise_pseudonymise_structured_job --config pseudonymise.yaml",
        ),
        shows="pseudonymised.parquet",
    ),
    Step(
        "Write down what may leave",
        "A policy says which columns may be released, for what, and what is tested. The data "
        "protection officer signs it; the deployment has a key that signs releases.",
        (
            "data-services release key release.key --owner 'The clinic' --without-passphrase",
            "data-services approve identity create officer.key --owner 'The officer' "
            "--passphrase-file passphrase",
            "data-services approve trust add officer.key.pub --owner 'The officer' --alias officer",
            "data-services release sign-policy policy.yaml --identity officer.key "
            "--passphrase-file passphrase",
        ),
    ),
    Step(
        "Try to release it too early",
        "Pseudonyms alone do not hide anybody: sex, birth date and postcode tell who it is. The "
        "gate tests the bytes themselves, so this is refused, and nothing is published.",
        (
            "data-services run release_gate_job --config release.yaml "
            "--set read_dataset.path=pseudonymised.parquet",
        ),
        is_refused=True,
    ),
    Step(
        "Anonymise it",
        "Birth dates and postcodes become coarser, just as far as needed for each patient to be "
        "like four others or more.",
        ("data-services run anonymise_dataframe_job --config anonymise.yaml",),
        shows="anonymous.parquet",
    ),
    Step(
        "Release it",
        "Now every rule holds: the data are published with a signed statement of what was tested.",
        ("data-services run release_gate_job --config release.yaml",),
    ),
    Step(
        "Check it elsewhere",
        "Whoever receives the folder 'released' and two public keys can check that it is what was "
        "signed.",
        (
            "data-services release verify released/patients.parquet --key release.key.pub "
            "--policy-signer officer.key.pub",
            "data-services audit verify",
        ),
    ),
)
