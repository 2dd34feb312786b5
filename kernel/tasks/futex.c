/* futex.c - futex(2): threads sleep until another one changes a word of their memory.
 *
 *   key of a word ──► bucket ──► waiter ──► waiter ...      waiters lie on their threads' stacks
 *
 * The kernel knows nothing of a lock that nobody waits for. To wait, a thread says which value it
 * saw; if the word still has it, the thread sleeps. Tasks switch nowhere between the look and the
 * sleep, so no wake-up is lost.
 *
 * A word in shared memory has a different address in each process: its key is the object and the
 * place in it. Any other word's key is the address space and the address. A waiter whose memory is
 * unmapped keeps its key, which is only compared, never followed; to be woken for nothing is
 * allowed.
 *
 * Lock: none yet; interrupts never come here (a timeout wakes the task, which takes itself out).
 */
#include "area.h"
#include "clock.h"
#include "object.h"
#include "platform.h"
#include "sched.h"
#include "syscall.h"
#include "task.h"
#include "uapi/thread.h"
#include "usercopy.h"

#define BUCKETS 64
#define ALL_BITS 0xFFFFFFFFu

struct key {
    const void *owner; /* object or space */
    uint32_t page, offset;
};

struct waiter {
    struct key key;
    uint32_t bits;
    bool woken;
    struct wait_queue sleep; /* its task, alone */
    struct waiter *next, *previous;
};

/* What the caller of the system call passes. */
struct request {
    uint32_t address, value, second_address, value3;
    uint32_t time; /* address of a timeout, or a second count */
    unsigned flags;
    bool wide;
};

static struct {
    struct waiter *first, *last;
} buckets[BUCKETS];

/* ---- keys and buckets ---- */

static const struct area *
shared_area(const struct address_space *space, uint32_t address)
{
    const struct area *area = area_find(&space->areas, address);

    if (area == NULL || area->start > address || !(area->flags & AREA_SHARED))
        return NULL;
    return area->object != NULL ? area : NULL;
}

static int
key_of(uint32_t address, unsigned flags, struct key *key)
{
    const struct address_space *space = task_current()->space;
    const struct area *area = flags & FUTEX_PRIVATE ? NULL : shared_area(space, address);

    if (address % 4 != 0)
        return -EINVAL;
    if (!user_range_ok(address, 4))
        return -EFAULT;
    key->owner = area != NULL ? (const void *)area->object : space;
    key->page = address / PAGE_SIZE;
    key->offset = address % PAGE_SIZE;
    if (area != NULL)
        key->page += area->index - area->start / PAGE_SIZE;
    return 0;
}

static unsigned
bucket_of(const struct key *key)
{
    uint32_t mix = (uintptr_t)key->owner / 64 + key->page * 31 + key->offset / 4;

    return (mix ^ mix >> 7) % BUCKETS;
}

static bool
same_key(const struct key *a, const struct key *b)
{
    return a->owner == b->owner && a->page == b->page && a->offset == b->offset;
}

static void
add_waiter(struct waiter *waiter)
{
    unsigned i = bucket_of(&waiter->key);

    waiter->next = NULL;
    waiter->previous = buckets[i].last;
    if (buckets[i].last != NULL)
        buckets[i].last->next = waiter;
    else
        buckets[i].first = waiter;
    buckets[i].last = waiter;
}

static void
remove_waiter(struct waiter *waiter)
{
    unsigned i = bucket_of(&waiter->key);

    if (waiter->previous != NULL)
        waiter->previous->next = waiter->next;
    else
        buckets[i].first = waiter->next;
    if (waiter->next != NULL)
        waiter->next->previous = waiter->previous;
    else
        buckets[i].last = waiter->previous;
}

/* ---- waking ---- */

static void
wake_waiter(struct waiter *waiter)
{
    remove_waiter(waiter);
    waiter->woken = true;
    task_wake_all(&waiter->sleep);
}

static long
wake_key(const struct key *key, unsigned count, uint32_t bits)
{
    struct waiter *waiter = buckets[bucket_of(key)].first, *next;
    long woken = 0;

    for (; waiter != NULL && (unsigned long)woken < count; waiter = next) {
        next = waiter->next;
        if (!same_key(&waiter->key, key) || !(waiter->bits & bits))
            continue;
        wake_waiter(waiter);
        woken++;
    }
    return woken;
}

long
futex_wake(uint32_t address, unsigned count)
{
    struct key key;
    int result = key_of(address, 0, &key);

    return result == 0 ? wake_key(&key, count, ALL_BITS) : result;
}

static long
wake(const struct request *request, uint32_t bits)
{
    struct key key;
    int result = key_of(request->address, request->flags, &key);

    if (bits == 0)
        return -EINVAL;
    return result == 0 ? wake_key(&key, request->value, bits) : result;
}

/* ---- waiting ---- */

/* Ticks until the timeout; 0 when there is none. -EFAULT, -EINVAL, -ETIMEDOUT when it has passed.
 */
static int
timeout_ticks(const struct request *request, bool absolute, uint32_t *ticks)
{
    int clock = request->flags & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    struct timespec64 time, now;
    int result;

    *ticks = 0;
    if (request->time == 0)
        return 0;
    result = timespec_get(&time, request->time, request->wide);
    if (result == 0 && absolute) {
        result = clock_read(clock, &now);
        time = timespec_until(&time, &now);
    }
    if (result == 0 && time.sec == 0 && time.nsec == 0)
        return -ETIMEDOUT;
    *ticks = timespec_ticks(&time);
    return result;
}

/* `ticks` is 0 when there is no timeout. */
static long
sleep_on(struct waiter *waiter, uint32_t ticks)
{
    uint32_t end = sleep_end(ticks), left = ticks != 0 ? sleep_left(end) : 0;
    int result;

    if (left == 0 && ticks != 0)
        return -ETIMEDOUT;
    add_waiter(waiter);
    result = task_sleep(&waiter->sleep, left);
    if (waiter->woken)
        return 0;
    remove_waiter(waiter);
    if (result == -ETIMEDOUT)
        return -ETIMEDOUT;
    return ticks == 0 ? -ERESTARTSYS : sleep_cut_short(end);
}

static long
wait(const struct request *request, uint32_t bits, bool absolute)
{
    struct waiter waiter = {.bits = bits};
    uint32_t value, ticks;
    int result = key_of(request->address, request->flags, &waiter.key), late;

    if (result != 0)
        return result;
    late = timeout_ticks(request, absolute, &ticks);
    if (bits == 0 || (late != 0 && late != -ETIMEDOUT))
        return bits == 0 ? -EINVAL : late;
    if (get_user_u32(&value, (void *)request->address) != 0)
        return -EFAULT;
    if (value != request->value)
        return -EAGAIN;
    return late != 0 ? late : sleep_on(&waiter, ticks);
}

/* ---- two words ---- */

/* Wakes the first `value` waiters of one word and lets as many as `time` says of the rest wait for
 * the other. Counts both. */
static long
requeue(const struct request *request)
{
    struct waiter *waiter, *next;
    struct key from, to;
    long done;
    uint32_t moved = 0;
    int result = key_of(request->address, request->flags, &from);

    if (result == 0)
        result = key_of(request->second_address, request->flags, &to);
    if (result != 0)
        return result;
    if ((int32_t)request->value < 0 || (int32_t)request->time < 0)
        return -EINVAL;
    done = wake_key(&from, request->value, ALL_BITS);
    if (same_key(&from, &to))
        return done;
    for (waiter = buckets[bucket_of(&from)].first; waiter != NULL && moved < request->time;
         waiter = next) {
        next = waiter->next;
        if (!same_key(&waiter->key, &from))
            continue;
        remove_waiter(waiter);
        waiter->key = to;
        add_waiter(waiter);
        moved++;
    }
    return done + (long)moved;
}

static long
compare_requeue(const struct request *request)
{
    uint32_t value;

    if (request->address % 4 != 0)
        return -EINVAL;
    if (get_user_u32(&value, (void *)request->address) != 0)
        return -EFAULT;
    return value == request->value3 ? requeue(request) : -EAGAIN;
}

/* The new value of FUTEX_WAKE_OP's word; false when there is no such operation. */
static bool
operate(unsigned operation, uint32_t old, uint32_t argument, uint32_t *result)
{
    switch (operation) {
    case 0:
        *result = argument;
        return true;
    case 1:
        *result = old + argument;
        return true;
    case 2:
        *result = old | argument;
        return true;
    case 3:
        *result = old & ~argument;
        return true;
    case 4:
        *result = old ^ argument;
        return true;
    default:
        return false;
    }
}

static bool
compare(unsigned comparison, int32_t old, int32_t argument)
{
    const bool answers[] = {old == argument, old != argument, old < argument,
                            old <= argument, old > argument,  old >= argument};

    return answers[comparison];
}

/* value3: operation 4 bits (top one: argument is a shift), comparison 4, two arguments of 12. */
static long
wake_operate(const struct request *request)
{
    uint32_t code = request->value3, old, new, argument;
    int32_t second = (int32_t)(code << 20) >> 20;
    struct key one, other;
    long woken;
    int result = key_of(request->address, request->flags, &one);

    if (result == 0)
        result = key_of(request->second_address, request->flags, &other);
    if (result != 0)
        return result;
    argument = (uint32_t)((int32_t)(code << 8) >> 20);
    if (code & 0x80000000u)
        argument = 1u << (argument & 31);
    if ((code >> 24 & 15) > 5)
        return -ENOSYS;
    if (get_user_u32(&old, (void *)request->second_address) != 0)
        return -EFAULT;
    if (!operate(code >> 28 & 7, old, argument, &new))
        return -ENOSYS;
    if (put_user_u32(new, (void *)request->second_address) != 0)
        return -EFAULT;
    woken = wake_key(&one, request->value, ALL_BITS);
    if (compare(code >> 24 & 15, (int32_t)old, second))
        woken += wake_key(&other, request->time, ALL_BITS);
    return woken;
}

/* ---- the call ---- */

/* futex(address, operation, value, time or count, second address, value3) */
static long
futex(const struct trap_frame *frame, bool wide)
{
    const struct request request = {
        .address = frame->ebx,
        .flags = frame->ecx,
        .value = frame->edx,
        .time = frame->esi,
        .second_address = frame->edi,
        .value3 = frame->ebp,
        .wide = wide,
    };

    switch (request.flags & FUTEX_COMMAND) {
    case FUTEX_WAIT:
        return wait(&request, ALL_BITS, false);
    case FUTEX_WAIT_BITSET:
        return wait(&request, request.value3, true);
    case FUTEX_WAKE:
        return wake(&request, ALL_BITS);
    case FUTEX_WAKE_BITSET:
        return wake(&request, request.value3);
    case FUTEX_REQUEUE:
        return requeue(&request);
    case FUTEX_CMP_REQUEUE:
        return compare_requeue(&request);
    case FUTEX_WAKE_OP:
        return wake_operate(&request);
    default:
        return -ENOSYS;
    }
}

SYSCALL(futex)
{
    return futex(frame, false);
}

SYSCALL(futex_time64)
{
    return futex(frame, true);
}
