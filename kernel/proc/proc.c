/* proc.c - /proc: what the kernel knows, as Linux's tools read it (proc(5)).
 *
 * A table names each file and what prints it; most print what the monitor prints. Files of
 * processes are in proc_task.c, tables of memory in proc_octavo.c. Settings below /proc/sys can be
 * written.
 */
#include "boot.h"
#include "clock.h"
#include "commit.h"
#include "cpu.h"
#include "load.h"
#include "machine.h"
#include "mm.h"
#include "proc.h"
#include "reclaim.h"
#include "sched.h"
#include "smp.h"
#include "space.h"
#include "timer.h"
#include "tracing.h"
#include "uapi/time.h"

#define LINE 80u

/* ---- the machine ---- */

/* Times in hundredths of a second, which is what a tick is. */
_Static_assert(TIMER_HZ == 100, "/proc counts in hundredths of a second");

static void
print_uptime(struct printer *out)
{
    uint32_t up = timer_ticks(), idle = sched_sum().idle;

    print(out, "%lu.%02lu %lu.%02lu\n", (unsigned long)(up / TIMER_HZ),
          (unsigned long)(up % TIMER_HZ), (unsigned long)(idle / TIMER_HZ),
          (unsigned long)(idle % TIMER_HZ));
}

static void
count_threads(unsigned *running, unsigned *all, int *last)
{
    unsigned long state = spin_lock(&process_lock);

    *running = *all = 0;
    *last = 0;
    for (const struct process *process = process_list; process != NULL; process = process->next) {
        if (process->pid > *last)
            *last = process->pid;
        for (const struct task *task = process->threads; task != NULL; task = task->next_thread) {
            *running += task->state == TASK_READY;
            ++*all;
        }
    }
    spin_unlock(&process_lock, state);
}

static void
print_loadavg(struct printer *out)
{
    unsigned running, all;
    int last;

    count_threads(&running, &all, &last);
    for (unsigned i = 0; i < LOADS; i++) {
        unsigned long hundredths = system_load.average[i] * 100 >> LOAD_SHIFT;

        print(out, "%lu.%02lu ", hundredths / 100, hundredths % 100);
    }
    print(out, "%u/%u %d\n", running, all, last);
}

static void
print_times(struct printer *out, const char *name, const struct sched_counts *counts)
{
    print(out, "%s %lu 0 %lu %lu 0 0 0 0 0 0\n", name, (unsigned long)counts->user,
          (unsigned long)counts->kernel, (unsigned long)counts->idle);
}

static void
print_cpu_times(struct printer *out, unsigned cpu)
{
    char name[] = "cpu0";

    name[3] += (char)cpu;
    print_times(out, name, &run_queues[cpu].counts);
}

static void
print_stat(struct printer *out)
{
    struct sched_counts sum = sched_sum();
    struct timespec64 now = {.sec = 0};
    unsigned running, all;
    int last;

    count_threads(&running, &all, &last);
    if (clock_read(CLOCK_REALTIME, &now) != 0)
        now.sec = 0;
    print_times(out, "cpu ", &sum);
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        if (cpus_online() >> cpu & 1)
            print_cpu_times(out, cpu);
    }
    print(out, "intr %lu\nctxt %lu\nbtime %lu\nprocesses %lu\nprocs_running %u\nprocs_blocked 0\n",
          (unsigned long)timer_ticks(), (unsigned long)sum.switches,
          (unsigned long)now.sec - timer_ticks() / TIMER_HZ, vm_counted(forks), running);
}

static void
print_version(struct printer *out)
{
    print(out, "Linux version %s (Octavo) %s\n", machine_names()->release,
          machine_names()->version);
}

static void
print_one_cpu(struct printer *out, unsigned cpu)
{
    uint32_t signature = cpu_features.signature;

    print(out, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %lu\nmodel\t\t: %lu\n", cpu,
          *cpu_features.vendor != '\0' ? cpu_features.vendor : "unknown",
          (unsigned long)(signature >> 8 & 15),
          (unsigned long)((signature >> 4 & 15) | (signature >> 12 & 0xF0)));
    print(out, "stepping\t: %lu\nfpu\t\t: %s\nwp\t\t: yes\nflags\t\t:%s%s%s%s%s%s%s\n\n",
          (unsigned long)(signature & 15), cpu_features.fpu ? "yes" : "no",
          cpu_features.fpu ? " fpu" : "", cpu_features.pse ? " pse" : "",
          cpu_features.tsc ? " tsc" : "", cpu_features.pae ? " pae" : "",
          cpu_features.pge ? " pge" : "", cpu_features.fxsr ? " fxsr" : "",
          cpu_features.sse ? " sse" : "");
}

static void
print_cpuinfo(struct printer *out)
{
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        if (cpus_online() >> cpu & 1)
            print_one_cpu(out, cpu);
    }
}

static void
print_cmdline(struct printer *out)
{
    print(out, "%s\n", boot_info.cmdline);
}

/* ---- memory ---- */

static const char *
region_name(const struct memmap_region *region)
{
    if (region->type != MEMMAP_RAM)
        return memmap_type_name(region->type);
    return "System RAM";
}

static void
print_resource(struct printer *out, const struct memmap_region *first,
               const struct memmap_region *last, const char *indent, const char *name)
{
    print(out, "%s%08llx-%08llx : %s\n", indent, (unsigned long long)first->start,
          (unsigned long long)last->end - 1, name);
}

/* Pieces of RAM that differ only in who holds them are one line, the kernel's image a line of its
 * own below. */
static void
print_iomem(struct printer *out)
{
    const struct memmap_region *region = boot_memory.regions, *last;
    const struct memmap_region *end = region + boot_memory.region_count;

    for (; region < end; region = last + 1) {
        last = region;
        while (last + 1 < end && last->type == last[1].type && last->end == last[1].start)
            last++;
        print_resource(out, region, last, "", region_name(region));
        for (; region <= last; region++) {
            if (region->owner == MEMMAP_KERNEL)
                print_resource(out, region, region, "  ", "Kernel code");
        }
    }
}

/* ---- tables that are always the same ---- */

void
proc_print_mounts(struct printer *out)
{
    print(out, "rootfs / rootfs ro 0 0\ndevtmpfs /dev devtmpfs ro 0 0\n"
               "tmpfs /dev/shm tmpfs rw 0 0\nproc /proc proc rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n");
}

static void
print_filesystems(struct printer *out)
{
    print(out, "nodev\trootfs\nnodev\tdevtmpfs\nnodev\tproc\nnodev\ttmpfs\n");
}

static void
print_devices(struct printer *out)
{
    print(out, "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n\nBlock devices:\n");
}

/* ---- settings ---- */

static void
print_overcommit(struct printer *out)
{
    print(out, "%d\n", (int)commit_mode());
}

static int
store_overcommit(const char *line)
{
    if (line[0] < '0' || line[0] > '2' || line[1] != '\0')
        return -EINVAL;
    commit_set_mode((enum commit_mode)(line[0] - '0'));
    return 0;
}

/* Anything written gives what can be had again back: pages of files, empty slabs, what CPUs
 * keep. */
static int
store_drop_caches(const char *line)
{
    if (line[0] < '1' || line[0] > '3' || line[1] != '\0')
        return -EINVAL;
    (void)reclaim_frames(object_clean_pages());
    mm_drain();
    return 0;
}

static void
print_meminfo(struct printer *out)
{
    cpus_park();
    mm_print_meminfo(out);
    cpus_unpark();
}

static void
print_zero(struct printer *out)
{
    print(out, "0\n");
}

static void
print_minimum_address(struct printer *out)
{
    print(out, "%u\n", USER_START);
}

static void
print_minimum_free(struct printer *out)
{
    print(out, "%lu\n", reclaim_reserve() << (PAGE_SHIFT - 10));
}

static void
print_pid_max(struct printer *out)
{
    print(out, "%d\n", PID_MAX);
}

static void
print_threads_max(struct printer *out)
{
    print(out, "%u\n", task_limit);
}

static void
print_system_name(struct printer *out)
{
    print(out, "%s\n", machine_names()->sysname);
}

static void
print_release(struct printer *out)
{
    print(out, "%s\n", machine_names()->release);
}

static void
print_system_version(struct printer *out)
{
    print(out, "%s\n", machine_names()->version);
}

static void
print_host_name(struct printer *out)
{
    print(out, "%s\n", machine_names()->nodename);
}

/* ---- the files ---- */

static const struct entry {
    const char *path;
    void (*print)(struct printer *out);
    int (*store)(const char *line); /* NULL: it cannot be written */
} entries[] = {
    {"/proc/meminfo", print_meminfo, NULL},
    {"/proc/iomem", print_iomem, NULL},
    {"/proc/vmstat", vm_print_vmstat, NULL},
    {"/proc/stat", print_stat, NULL},
    {"/proc/uptime", print_uptime, NULL},
    {"/proc/loadavg", print_loadavg, NULL},
    {"/proc/version", print_version, NULL},
    {"/proc/cpuinfo", print_cpuinfo, NULL},
    {"/proc/cmdline", print_cmdline, NULL},
    {"/proc/mounts", proc_print_mounts, NULL},
    {"/proc/filesystems", print_filesystems, NULL},
    {"/proc/devices", print_devices, NULL},
    {"/proc/octavo/trace", tracing_print, tracing_choose},
    {"/proc/sys/vm/overcommit_memory", print_overcommit, store_overcommit},
    {"/proc/sys/vm/drop_caches", print_zero, store_drop_caches},
    {"/proc/sys/vm/mmap_min_addr", print_minimum_address, NULL},
    {"/proc/sys/vm/min_free_kbytes", print_minimum_free, NULL},
    {"/proc/sys/kernel/ostype", print_system_name, NULL},
    {"/proc/sys/kernel/osrelease", print_release, NULL},
    {"/proc/sys/kernel/version", print_system_version, NULL},
    {"/proc/sys/kernel/hostname", print_host_name, NULL},
    {"/proc/sys/kernel/pid_max", print_pid_max, NULL},
    {"/proc/sys/kernel/threads-max", print_threads_max, NULL},
};

static int
make(const struct node *node, struct proc_text *text)
{
    ((const struct entry *)node->value)->print(&text->printer);
    return 0;
}

static long
read_entry(struct file *file, struct buffer *to, uint64_t *position)
{
    return proc_read(file, to, position, make);
}

static long
write_entry(struct file *file, struct buffer *from, uint64_t *position)
{
    const struct entry *entry = (const struct entry *)file->node->value;
    long size = (long)from->size;
    char line[LINE];
    int error;

    (void)position;
    if (entry->store == NULL)
        return -EACCES;
    error = proc_take_line(from, line, sizeof(line));
    if (error == 0)
        error = entry->store(line);
    return error != 0 ? error : size;
}

static const struct file_ops entry_ops = {
    .read = read_entry, .write = write_entry, .close = proc_close,
};

void
proc_init(void)
{
    for (size_t i = 0; i < ARRAY_LENGTH(entries); i++) {
        const struct entry *entry = &entries[i];

        tree_add_dynamic(entry->path, S_IFREG | (entry->store != NULL ? 0644 : 0444), &entry_ops,
                         NULL, (uintptr_t)entry);
    }
    space_object_name = file_object_name;
    proc_octavo_init();
    space_print_owner = process_print_owner;
    proc_task_init();
    proc_trace_init();
    proc_frames_init();
}
