"""tasks.py - who runs and who waits: processes and their threads; `octavo ps`, as the monitor's."""
import gdb

import paging
from commands import command
from kernel import PAGE_SHIFT, array_length, linked, number, value

TIMER_HZ = 100  # kernel/include/timer.h
STATES = {"TASK_READY": "R", "TASK_SLEEPING": "S", "TASK_SLEEPING_LONG": "D",
          "TASK_SLEEPING_HARD": "D", "TASK_DEAD": "X"}


def processes():
    """Those of programs, by number."""
    return sorted(linked(value("process_list"), "next"), key=lambda process: int(process["pid"]))


def threads(process):
    return linked(process["threads"], "next_thread")


# As in the kernel's code, and in conditions of breakpoints. gdb's threads are the CPUs, from 1 on.
gdb.execute("macro define task_current() (cpu_by_id[$_thread ? $_thread - 1 : 0]->task)")


def running():
    """The task that the CPU runs, or None as long as there are none."""
    task = value("task_current()")
    return task.dereference() if task else None


def cpu_structures():
    table = value("cpu_by_id")
    return (table[i] for i in range(array_length(table)))


def find_task(word):
    """The task with that thread number."""
    wanted = number(word)
    for process in processes():
        for task in threads(process):
            if int(task["tid"]) == wanted:
                return task
    raise gdb.GdbError(f"there is no process or thread {wanted} (octavo ps lists them)")


def cpu_of(task):
    """The number of the CPU that runs it; None: it waits, or is ready."""
    for number_of_it, cpu in enumerate(cpu_structures()):
        if cpu and cpu["task"] == task.address:
            return number_of_it
    return None


def ancestry(process):
    """Its number, its parent's, and so on."""
    while process:
        yield int(process["pid"])
        process = process["parent"]


def state_letter(process):
    task = process["threads"]
    if process["dead"] or not task:
        return "Z"
    return "T" if process["stopped"] else STATES[str(task["state"])]


@command("cpus", "The CPUs, as the monitor's `cpus` prints them. gdb's thread N is CPU N - 1.")
def _cpus(_argument):
    online = int(value("online"))
    print("CPU APIC USER TICKS     KERNEL       IDLE   SWITCHES   PID NAME")
    for cpu in cpu_structures():
        if cpu and online >> int(cpu["id"]) & 1:
            counts, task = cpu["queue"]["counts"], cpu["task"]
            idle = task == cpu["queue"]["idle"]
            print("%3u %4u %10lu %10lu %10lu %10lu %5d %s"
                  % (cpu["id"], cpu["apic_id"], counts["user"], counts["kernel"], counts["idle"],
                     counts["switches"], task["process"]["pid"],
                     "idle" if idle else task["process"]["name"].string()))


@command("ps", "The processes, as the monitor's `ps` prints them.")
def _ps(_argument):
    kib = PAGE_SHIFT - 10
    print("  PID  PPID GROUP  SESS S THR SIZE KiB  RSS KiB      TIME NAME")
    for process in processes():
        space, parent = process["space"], process["parent"]
        ticks = int(process["user_ticks"]) + int(process["kernel_ticks"])
        print("%5d %5d %5d %5d %s %3d %8d %8d %6d.%02d %s"
              % (process["pid"], parent["pid"] if parent else 0, process["group"],
                 process["session"], state_letter(process), process["thread_count"],
                 (int(space["total_pages"]) if space else 0) << kib,
                 (paging.resident_pages(space) if space else 0) << kib,
                 ticks // TIMER_HZ, ticks % TIMER_HZ, process["name"].string()))
