/* futex.c - futex(2): threads sleep until another one changes a word of their memory.
 *
 *   key of a word ──► bucket ──► waiter ──► waiter ...      waiters lie on their threads' stacks
 *
 * The kernel knows nothing of a lock that nobody waits for. To wait, a thread says which value it
 * saw; if the word still has it, the thread sleeps. Look and sleep are one step under the bucket's
 * mutex, which who wakes takes after he changed the word, so no wake-up is lost.
 *
 * A word in shared memory has a different address in each process: its key is the object and the
 * place in it. Any other word's key is the address space and the address. A waiter whose memory is
 * unmapped keeps its key. So a key holds its object: another one at the same address would have
 * the same key, and that waiter would take a wake-up of others.
 *
 * Lock: a mutex a bucket, as the look at the word may wait for memory; two are taken in the order
 * of their addresses. Interrupts never come here (a timeout wakes the task, which takes itself
 * out). `bucket` of a waiter says where it is; it changes under the mutexes of both buckets. Nobody
 * leaves without its bucket's mutex: who wakes it may still be at it.
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

#define BUCKETS 32
#define ALL_BITS 0xFFFFFFFFu

struct key {
    const void *owner;     /* object or space */
    struct object *object; /* the former, with a reference (key_put); or NULL */
    uint32_t page, offset;
};

struct bucket {
    struct mutex lock;
    struct waiter *first, *last;
};

struct waiter {
    struct key key;
    struct bucket *bucket;
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

static struct bucket buckets[BUCKETS] STATIC_MUTEX = {[0 ... BUCKETS - 1] = {.lock = MUTEX_INIT}};

/* ---- keys and buckets ---- */

static const struct area *
shared_area(const struct address_space *space, uint32_t address)
{
    const struct area *area = area_find(&space->areas, address);

    if (area == NULL || area->start > address || !(area->flags & AREA_SHARED))
        return NULL;
    return area->object != NULL ? area : NULL;
}

/* Makes the key that of an object's word when the word is one. With the space's lock. */
static void
share_key(const struct address_space *space, uint32_t address, struct key *key)
{
    const struct area *area = shared_area(space, address);

    if (area == NULL)
        return;
    object_get(area->object);
    key->owner = key->object = area->object;
    key->page += area->index - area->start / PAGE_SIZE;
}

/* 0, and the caller has the key until key_put; or -EINVAL, -EFAULT, and it stays as it is. */
static int
key_of(uint32_t address, unsigned flags, struct key *key)
{
    struct address_space *space = task_current()->space;

    if (address % 4 != 0)
        return -EINVAL;
    if (!user_range_ok(address, 4))
        return -EFAULT;
    *key = (struct key){space, NULL, address / PAGE_SIZE, address % PAGE_SIZE};
    if (!(flags & FUTEX_PRIVATE)) {
        rw_lock_shared(&space->lock);
        share_key(space, address, key);
        rw_unlock_shared(&space->lock);
    }
    return 0;
}

static void
key_put(const struct key *key)
{
    if (key->object != NULL)
        object_put(key->object);
}

static struct bucket *
bucket_of(const struct key *key)
{
    uint32_t mix = (uintptr_t)key->owner / 64 + key->page * 31 + key->offset / 4;

    return &buckets[(mix ^ mix >> 7) % BUCKETS];
}

static bool
same_key(const struct key *a, const struct key *b)
{
    return a->owner == b->owner && a->page == b->page && a->offset == b->offset;
}

static void
add_waiter(struct waiter *waiter)
{
    struct bucket *bucket = bucket_of(&waiter->key);

    waiter->bucket = bucket;
    waiter->next = NULL;
    waiter->previous = bucket->last;
    if (bucket->last != NULL)
        bucket->last->next = waiter;
    else
        bucket->first = waiter;
    bucket->last = waiter;
}

static void
remove_waiter(struct waiter *waiter)
{
    if (waiter->previous != NULL)
        waiter->previous->next = waiter->next;
    else
        waiter->bucket->first = waiter->next;
    if (waiter->next != NULL)
        waiter->next->previous = waiter->previous;
    else
        waiter->bucket->last = waiter->previous;
}

/* Takes the mutex of the bucket in which a waiter is, or was when it was woken. */
static struct bucket *
lock_bucket_of(const struct waiter *waiter)
{
    for (;;) {
        struct bucket *bucket = __atomic_load_n(&waiter->bucket, __ATOMIC_RELAXED);

        mutex_lock(&bucket->lock);
        if (bucket == waiter->bucket)
            return bucket;
        mutex_unlock(&bucket->lock); /* it was moved to wait for another word */
    }
}

static void
lock_two(struct bucket *one, struct bucket *other)
{
    mutex_lock(one < other ? &one->lock : &other->lock);
    if (one != other)
        mutex_lock(one < other ? &other->lock : &one->lock);
}

static void
unlock_two(struct bucket *one, struct bucket *other)
{
    mutex_unlock(&one->lock);
    if (one != other)
        mutex_unlock(&other->lock);
}

/* ---- waking ---- */

static void
wake_waiter(struct waiter *waiter)
{
    remove_waiter(waiter);
    waiter->woken = true;
    task_wake_all(&waiter->sleep);
}

/* With the bucket's mutex. */
static long
wake_locked(const struct key *key, unsigned count, uint32_t bits)
{
    struct waiter *waiter = bucket_of(key)->first, *next;
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

static long
wake_at(uint32_t address, unsigned flags, unsigned count, uint32_t bits)
{
    struct bucket *bucket;
    struct key key;
    long woken = key_of(address, flags, &key);

    if (woken != 0)
        return woken;
    bucket = bucket_of(&key);
    mutex_lock(&bucket->lock);
    woken = wake_locked(&key, count, bits);
    mutex_unlock(&bucket->lock);
    key_put(&key);
    return woken;
}

long
futex_wake(uint32_t address, unsigned count)
{
    return wake_at(address, 0, count, ALL_BITS);
}

static long
wake(const struct request *request, uint32_t bits)
{
    if (bits == 0)
        return -EINVAL;
    return wake_at(request->address, request->flags, request->value, bits);
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

/* With the mutex of the waiter's bucket, which is given back. `ticks` is 0 when there is no
 * timeout. */
static long
sleep_on(struct waiter *waiter, uint32_t ticks)
{
    struct bucket *bucket = bucket_of(&waiter->key);
    uint32_t end = sleep_end(ticks), left = ticks != 0 ? sleep_left(end) : 0;
    bool woken;
    int result;

    if (left == 0 && ticks != 0) {
        mutex_unlock(&bucket->lock);
        return -ETIMEDOUT;
    }
    add_waiter(waiter);
    result = task_sleep_mutex(&waiter->sleep, left, &bucket->lock);
    bucket = lock_bucket_of(waiter);
    woken = waiter->woken;
    if (!woken)
        remove_waiter(waiter);
    mutex_unlock(&bucket->lock);
    if (woken)
        return 0;
    if (result == -ETIMEDOUT)
        return -ETIMEDOUT;
    return ticks == 0 ? -ERESTARTSYS : sleep_cut_short(end);
}

/* 0 when the word is what the caller saw. */
static int
check_word(const struct request *request)
{
    uint32_t value;

    if (get_user_u32(&value, (void *)request->address) != 0)
        return -EFAULT;
    return value == request->value ? 0 : -EAGAIN;
}

/* With the waiter's key, which may be another one behind that (requeue). */
static long
wait_with_key(const struct request *request, struct waiter *waiter, bool absolute)
{
    struct bucket *bucket = bucket_of(&waiter->key);
    uint32_t ticks;
    int late = timeout_ticks(request, absolute, &ticks), result;

    if (waiter->bits == 0 || (late != 0 && late != -ETIMEDOUT))
        return waiter->bits == 0 ? -EINVAL : late;
    mutex_lock(&bucket->lock);
    result = check_word(request);
    if (result == 0)
        result = late;
    if (result == 0)
        return sleep_on(waiter, ticks);
    mutex_unlock(&bucket->lock);
    return result;
}

static long
wait(const struct request *request, uint32_t bits, bool absolute)
{
    struct waiter waiter = {.bits = bits};
    long result = key_of(request->address, request->flags, &waiter.key);

    if (result != 0)
        return result;
    result = wait_with_key(request, &waiter, absolute);
    key_put(&waiter.key);
    return result;
}

/* ---- two words ---- */

/* Lets at most `most` waiters of one word wait for another. How many. With both mutexes, and both
 * keys: what a waiter gives up of the first is not the last reference. */
static uint32_t
move_waiters(const struct key *from, const struct key *to, uint32_t most)
{
    struct waiter *waiter, *next;
    uint32_t moved = 0;

    for (waiter = bucket_of(from)->first; waiter != NULL && moved < most; waiter = next) {
        next = waiter->next;
        if (!same_key(&waiter->key, from))
            continue;
        remove_waiter(waiter);
        if (to->object != NULL)
            object_get(to->object);
        key_put(&waiter->key);
        waiter->key = *to;
        add_waiter(waiter);
        moved++;
    }
    return moved;
}

/* The keys of both words, until put_two. 0 or -errno, and there are none. */
static int
two_keys(const struct request *request, struct key *one, struct key *other)
{
    int result = key_of(request->address, request->flags, one);

    if (result != 0)
        return result;
    result = key_of(request->second_address, request->flags, other);
    if (result != 0)
        key_put(one);
    return result;
}

static void
put_two(const struct key *one, const struct key *other)
{
    key_put(one);
    key_put(other);
}

/* Wakes the first `value` waiters of one word and lets as many as `time` says of the rest wait for
 * the other. Counts both. With `compare` only if the first word is value3. */
static long
requeue(const struct request *request, bool compare)
{
    struct key from, to;
    uint32_t value = request->value3;
    long done = two_keys(request, &from, &to);

    if (done != 0)
        return done;
    if ((int32_t)request->value < 0 || (int32_t)request->time < 0) {
        put_two(&from, &to);
        return -EINVAL;
    }
    lock_two(bucket_of(&from), bucket_of(&to));
    if (compare && get_user_u32(&value, (void *)request->address) != 0)
        done = -EFAULT;
    else if (value != request->value3)
        done = -EAGAIN;
    if (done == 0)
        done = wake_locked(&from, request->value, ALL_BITS);
    if (done >= 0 && !same_key(&from, &to))
        done += (long)move_waiters(&from, &to, request->time);
    unlock_two(bucket_of(&from), bucket_of(&to));
    put_two(&from, &to);
    return done;
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

/* Changes the second word as value3 says, in one step; *old is what it was. 0 or -errno. */
static int
change_word(const struct request *request, uint32_t argument, uint32_t *old)
{
    void *word = (void *)request->second_address;
    uint32_t was, new;

    if (get_user_u32(&was, word) != 0)
        return -EFAULT;
    do {
        *old = was;
        if (!operate(request->value3 >> 28 & 7, was, argument, &new))
            return -ENOSYS;
        if (exchange_user_u32(&was, new, word) != 0)
            return -EFAULT;
    } while (was != *old);
    return 0;
}

/* value3: operation 4 bits (top one: argument is a shift), comparison 4, two arguments of 12. */
static long
wake_operate(const struct request *request)
{
    uint32_t code = request->value3, old, argument;
    int32_t second = (int32_t)(code << 20) >> 20;
    struct key one, other;
    long woken = two_keys(request, &one, &other);

    if (woken != 0)
        return woken;
    argument = (uint32_t)((int32_t)(code << 8) >> 20);
    if (code & 0x80000000u)
        argument = 1u << (argument & 31);
    if ((code >> 24 & 15) > 5) {
        put_two(&one, &other);
        return -ENOSYS;
    }
    lock_two(bucket_of(&one), bucket_of(&other));
    woken = change_word(request, argument, &old);
    if (woken == 0) {
        woken = wake_locked(&one, request->value, ALL_BITS);
        if (compare(code >> 24 & 15, (int32_t)old, second))
            woken += wake_locked(&other, request->time, ALL_BITS);
    }
    unlock_two(bucket_of(&one), bucket_of(&other));
    put_two(&one, &other);
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
        return requeue(&request, false);
    case FUTEX_CMP_REQUEUE:
        return requeue(&request, true);
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
