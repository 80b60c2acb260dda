"""What a student's code may not ask of the kernel, as a filter for bubblewrap: the second wall behind the namespaces.

New processes, sockets, further namespaces and mounts, memory that no limit counts (memfd, System V), and what looks
into other processes are refused with EPERM. Threads are allowed. See seccomp(2): a filter is a program of 8-byte
steps, which reads the call's number at offset 0, the architecture at 4, and the first argument at 16.
"""

import platform
import struct

__all__ = ["refusals"]


ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# name: number on x86_64, on aarch64 (None: not there)
REFUSED: dict[str, tuple[int | None, int | None]] = {
    **{"fork": (57, None), "vfork": (58, None), "socket": (41, 198), "unshare": (272, 97), "setns": (308, 268)},
    **{"mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "fsopen": (430, 430)},
    **{"open_tree": (428, 428), "move_mount": (429, 429), "fsmount": (432, 432), "mount_setattr": (442, 442)},
    **{"memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "msgget": (68, 186)},
    **{"semget": (64, 190), "mq_open": (240, 180), "userfaultfd": (323, 282), "io_uring_setup": (425, 425)},
    **{"io_setup": (206, 0)},  # the machine has so many events for all processes together
    **{"bpf": (321, 280), "perf_event_open": (298, 241), "keyctl": (250, 219), "add_key": (248, 217)},
    **{"request_key": (249, 218), "ptrace": (101, 117), "process_vm_readv": (310, 270), "pidfd_getfd": (438, 438)},
    **{"process_vm_writev": (311, 271)},
}
CLONE, CLONE3, CLONE_THREAD = (56, 220), 435, 0x10000
LOAD, EQUAL, AT_LEAST, HAS, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050000 | 1, 0x00050000 | 38


def refusals(machine: str = "") -> bytes | None:
    """Return the filter for a machine (default: this one), or None for one whose calls are not known here."""
    machine = machine or platform.machine()
    if machine not in ARCHITECTURES:
        return None
    which = list(ARCHITECTURES).index(machine)
    steps = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, ARCHITECTURES[machine]), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
    steps += [(AT_LEAST, 0, 1, 0x40000000), (RETURN, 0, 0, KILL)]  # the calls of x32
    steps += [(EQUAL, 0, 1, CLONE3), (RETURN, 0, 0, ENOSYS)]  # its flags cannot be read here; libraries then use clone
    for numbers in REFUSED.values():
        if (number := numbers[which]) is not None:
            steps += [(EQUAL, 0, 1, number), (RETURN, 0, 0, EPERM)]
    steps += [(EQUAL, 0, 4, CLONE[which]), (LOAD, 0, 0, 16), (HAS, 0, 1, CLONE_THREAD), (RETURN, 0, 0, ALLOW)]
    steps += [(RETURN, 0, 0, EPERM), (RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
