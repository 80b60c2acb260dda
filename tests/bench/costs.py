"""What many learners and many submissions would cost, from what was measured on one core."""

from typing import Any

LEARNERS, SUBMISSIONS = 10**5, 10**6
HOUR = 3600.0


def sentences(rows: dict[str, Any]) -> list[str]:
    """Return what the rows that there are say about 10⁵ learners and 10⁶ submissions, and where the next limit lies."""
    said = []
    if "notebooks" in rows and "figures" in rows["notebooks"]:
        each = rows["notebooks"]["ours"] / rows["notebooks"]["figures"]["notebooks"]
        said.append(
            f"{LEARNERS:,} learners who run one lesson each take {LEARNERS * each / HOUR:,.0f} core-hours, of their "
            f"own machines: {each:.0f} s a notebook, with its kernel and its test. Nothing is shared, so on a "
            "hub the next limit is the memory of the kernels that are open at once, not the processor."
        )
    if "grading" in rows and "figures" in rows["grading"]:
        each = rows["grading"]["figures"]["processor"]
        said.append(
            f"{SUBMISSIONS:,} submissions of ps1 take {SUBMISSIONS * each / HOUR:,.0f} core-hours to mark, at "
            f"{each:.2f} s of a processor each; on 100 cores of a Dask cluster that would be "
            f"{SUBMISSIONS * each / HOUR / 100:,.1f} hours, if they share nothing but the scheduler. That is computed, "
            "not tried: what was run on a cluster is a class of which a worker was killed, with the same marks."
        )
    if "submissions" in rows:
        sizes, seconds = rows["submissions"]["sizes"], rows["submissions"]["seconds"]
        around = (seconds[-1] - seconds[0]) / (sizes[-1] - sizes[0])
        said.append(
            f"What lies around the marking, checking and the gradebook, is one process: {around * 1000:.1f} ms "
            f"a submission, so about {1 / around:,.0f} a second and {SUBMISSIONS * around / HOUR:,.1f} hours for "
            f"{SUBMISSIONS:,}. There the next limit lies, however many cores mark."
        )
    return said
