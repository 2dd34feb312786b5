/* select.c - select and pselect6: poll (poll.c) with sets of descriptors, a bit each. */
#include <string.h>
#include "poll_private.h"
#include "syscall.h"
#include "uapi/poll.h"

#define SET_WORDS (FD_SETSIZE / 32)

enum { SET_READ, SET_WRITE, SET_EXCEPT, SETS };

/* What makes a descriptor a member of the answer, and what of it is asked for. */
static const unsigned set_conditions[SETS] = {
    [SET_READ] = POLL_IN | POLL_HUP | POLL_ERR,
    [SET_WRITE] = POLL_OUT | POLL_ERR,
    [SET_EXCEPT] = POLL_PRI,
};

struct select_call {
    struct poller poller;
    unsigned count; /* of descriptors */
    uint32_t wanted[SETS][SET_WORDS];
    uint32_t ready[SETS][SET_WORDS];
};

/* The sets in which a descriptor is asked for and ready; their number. */
static unsigned
look_at_descriptor(struct select_call *call, unsigned descriptor)
{
    unsigned word = descriptor / 32;
    uint32_t bit = (uint32_t)1 << descriptor % 32;
    unsigned now, found = 0;

    if (!((call->wanted[SET_READ][word] | call->wanted[SET_WRITE][word] |
           call->wanted[SET_EXCEPT][word]) & bit))
        return 0;
    now = poll_conditions((int)descriptor, POLL_IN | POLL_OUT | POLL_PRI);
    for (unsigned set = 0; set < SETS; set++) {
        if ((call->wanted[set][word] & bit) && (now & set_conditions[set])) {
            call->ready[set][word] |= bit;
            found++;
        }
    }
    return found;
}

static unsigned
look_at_sets(struct poller *poller)
{
    struct select_call *call = (struct select_call *)poller;
    unsigned ready = 0;

    memset(call->ready, 0, sizeof(call->ready));
    for (unsigned descriptor = 0; descriptor < call->count; descriptor++)
        ready += look_at_descriptor(call, descriptor);
    return ready;
}

/* Every descriptor of the sets must be open. */
static int
check_sets(const struct select_call *call)
{
    for (unsigned descriptor = 0; descriptor < call->count; descriptor++) {
        unsigned word = descriptor / 32;
        uint32_t any = call->wanted[SET_READ][word] | call->wanted[SET_WRITE][word] |
                       call->wanted[SET_EXCEPT][word];

        if ((any >> descriptor % 32 & 1) && file_closes_on_exec((int)descriptor) < 0)
            return -EBADF;
    }
    return 0;
}

static int
read_sets(struct select_call *call, const uint32_t *sets)
{
    size_t size = (call->count + 31) / 32 * sizeof(uint32_t);

    memset(call->wanted, 0, sizeof(call->wanted));
    for (unsigned set = 0; set < SETS; set++) {
        if (sets[set] != 0 && copy_from_user(call->wanted[set], (void *)sets[set], size) != 0)
            return -EFAULT;
    }
    return check_sets(call);
}

static int
write_sets(const struct select_call *call, const uint32_t *sets)
{
    size_t size = (call->count + 31) / 32 * sizeof(uint32_t);

    for (unsigned set = 0; set < SETS; set++) {
        if (sets[set] != 0 && copy_to_user((void *)sets[set], call->ready[set], size) != 0)
            return -EFAULT;
    }
    return 0;
}

/* `sets` are the addresses of the three sets in the program, 0 = none. */
static long
select_for(int count, const uint32_t *sets, uint32_t ticks, uint32_t *left)
{
    struct select_call call = {.poller = {look_at_sets}};
    long result;

    if (count < 0)
        return -EINVAL;
    call.count = count < FD_SETSIZE ? (unsigned)count : FD_SETSIZE;
    result = read_sets(&call, sets);
    if (result != 0)
        return result;
    result = poll_wait(&call.poller, ticks, left);
    if (result >= 0 && write_sets(&call, sets) != 0)
        return -EFAULT;
    return result;
}

static long
select_until(int count, const uint32_t *sets, void *timeout)
{
    uint32_t ticks, left = POLL_FOR_EVER;
    long result = poll_read_timeout(timeout, TIMEVAL, &ticks);

    if (result != 0)
        return result;
    result = select_for(count, sets, ticks, &left);
    poll_write_timeout(timeout, TIMEVAL, left);
    return result;
}

SYSCALL(_newselect)
{
    const uint32_t sets[SETS] = {frame->ecx, frame->edx, frame->esi};

    return select_until((int)frame->ebx, sets, (void *)frame->edi);
}

SYSCALL(select)
{
    struct select_arguments arguments;

    if (copy_from_user(&arguments, (const void *)frame->ebx, sizeof(arguments)) != 0)
        return -EFAULT;
    const uint32_t sets[SETS] = {arguments.read, arguments.write, arguments.except};
    return select_until(arguments.count, sets, (void *)arguments.timeout);
}

static long
select_with_signals(const struct trap_frame *frame, enum poll_time shape)
{
    const uint32_t sets[SETS] = {frame->ecx, frame->edx, frame->esi};
    void *timeout = (void *)frame->edi;
    struct select_mask mask = {0, 0};
    uint32_t ticks, left = POLL_FOR_EVER;
    long result = poll_read_timeout(timeout, shape, &ticks);

    if (result == 0 && frame->ebp != 0)
        result = copy_from_user(&mask, (const void *)frame->ebp, sizeof(mask));
    if (result == 0)
        result = poll_take_signals((const void *)mask.mask, mask.size);
    if (result != 0)
        return result;
    result = select_for((int)frame->ebx, sets, ticks, &left);
    poll_give_signals_back((const void *)mask.mask, result);
    poll_write_timeout(timeout, shape, left);
    return result;
}

SYSCALL(pselect6)
{
    return select_with_signals(frame, TIMESPEC);
}

SYSCALL(pselect6_time64)
{
    return select_with_signals(frame, TIMESPEC64);
}
