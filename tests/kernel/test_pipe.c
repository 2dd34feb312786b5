/* test_pipe.c - pipes that do not wait, from inside the kernel; and programs that do. */
#include <string.h>
#include "kmalloc.h"
#include "ktest.h"
#include "mm.h"
#include "pipe.h"
#include "pmm.h"
#include "programs.h"

static struct file *ends[2];

static long
put(const void *bytes, size_t size)
{
    struct buffer from = {(char *)bytes, size, true, false};

    return ends[1]->ops->write(ends[1], &from, NULL);
}

static long
get(void *bytes, size_t size)
{
    struct buffer to = {bytes, size, true, false};

    return ends[0]->ops->read(ends[0], &to, NULL);
}

static unsigned
readiness(unsigned end)
{
    return ends[end]->ops->poll(ends[end]);
}

static void
close_both(void)
{
    file_put(ends[0]);
    file_put(ends[1]);
}

KTEST(pipe, bytes_come_out_in_order)
{
    char text[16];

    CHECK_EQ(pipe_create(O_NONBLOCK, ends), 0);
    CHECK_EQ(get(text, 4), -EAGAIN);
    CHECK_EQ(get(text, 0), 0);
    CHECK_EQ(put("hello", 5), 5);
    CHECK_EQ(put(" there", 6), 6);
    CHECK_EQ(get(text, 3), 3);
    CHECK_EQ(get(text + 3, 13), 8);
    CHECK(memcmp(text, "hello there", 11) == 0);
    CHECK_EQ(get(text, 1), -EAGAIN);
    close_both();
}

KTEST(pipe, the_ring_goes_round)
{
    uint8_t piece[1000];
    uint8_t in = 0, out = 0;

    CHECK_EQ(pipe_create(O_NONBLOCK, ends), 0);
    CHECK_EQ(put("x", 1), 1); /* so that it is never empty */
    for (unsigned round = 0; round < 50; round++) {
        for (size_t i = 0; i < sizeof(piece); i++)
            piece[i] = in++;
        CHECK_EQ(put(piece, sizeof(piece)), sizeof(piece));
        CHECK_EQ(get(piece, round == 0 ? 1 : 0), round == 0);
        memset(piece, 0, sizeof(piece));
        CHECK_EQ(get(piece, sizeof(piece) - (round == 0)), sizeof(piece) - (round == 0));
        for (size_t i = 0; i < sizeof(piece) - (round == 0); i++)
            CHECK_EQ(piece[i], out++);
    }
    close_both();
}

KTEST(pipe, a_write_of_a_page_is_all_or_nothing)
{
    static uint8_t *page = ktest_scratch;

    CHECK_EQ(pipe_create(O_NONBLOCK, ends), 0);
    CHECK_EQ(pipe_set_limit(ends[0], PIPE_BUF), PIPE_BUF);
    CHECK_EQ(put("x", 1), 1);
    CHECK_EQ(put(page, PIPE_BUF), -EAGAIN);
    CHECK_EQ(put(page, PIPE_BUF - 1), PIPE_BUF - 1);
    CHECK_EQ(put("x", 1), -EAGAIN);
    CHECK_EQ(get(page, 2 * PIPE_BUF), PIPE_BUF);
    CHECK_EQ(put(page, PIPE_BUF + 1), PIPE_BUF); /* a longer one goes in as far as it fits */
    CHECK_EQ(get(page, 100), 100);
    CHECK_EQ(put(page, PIPE_BUF + 1), 100);
    close_both();
}

/* Bytes that count on, `size` of them. */
static long
put_numbers(uint8_t *numbers, size_t size, uint8_t *next)
{
    long done;

    for (size_t i = 0; i < size; i++)
        numbers[i] = (uint8_t)(*next + i);
    done = put(numbers, size);
    if (done > 0)
        *next = (uint8_t)(*next + done);
    return done;
}

static bool
get_numbers(uint8_t *numbers, size_t size, uint8_t *next)
{
    if (get(numbers, size) != (long)size)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (numbers[i] != (*next)++)
            return false;
    }
    return true;
}

#define ENOUGH 256ul /* frames for some full pipes */

/* A larger ring takes over what lies in the smaller one, also when that goes round its end. */
KTEST(pipe, grows_and_shrinks)
{
    uint8_t in = 0, out = 0;
    uint8_t *numbers;

    if (pmm_free_frames() < ENOUGH)
        SKIP("little memory");
    numbers = kmalloc(PIPE_BYTES);
    CHECK(numbers);
    CHECK_EQ(pipe_create(O_NONBLOCK, ends), 0);
    CHECK_EQ(put_numbers(numbers, 3000, &in), 3000);
    CHECK(get_numbers(numbers, 2000, &out));
    CHECK_EQ(put_numbers(numbers, 2500, &in), 2500); /* round the end of the page */
    CHECK_EQ(put_numbers(numbers, 1000, &in), 1000); /* two pages */
    CHECK_EQ(put_numbers(numbers, PIPE_BYTES, &in), PIPE_BYTES - 4500);
    CHECK_EQ(readiness(1), 0);
    CHECK_EQ(pipe_set_limit(ends[0], PIPE_BYTES - 1), PIPE_BYTES);
    CHECK_EQ(pipe_set_limit(ends[0], PIPE_BYTES / 2), -EBUSY);
    CHECK(get_numbers(numbers, PIPE_BYTES / 2 + 1, &out));
    CHECK_EQ(readiness(1), POLL_OUT);
    CHECK_EQ(put_numbers(numbers, 100, &in), 100); /* round the end again */
    CHECK(get_numbers(numbers, 100, &out));
    CHECK_EQ(pipe_set_limit(ends[1], PIPE_BYTES / 2), PIPE_BYTES / 2);
    CHECK_EQ(put_numbers(numbers, 2, &in), -EAGAIN);
    CHECK_EQ(put_numbers(numbers, 1, &in), 1);
    CHECK(get_numbers(numbers, PIPE_BYTES / 2, &out));
    CHECK_EQ(get(numbers, 1), -EAGAIN);
    close_both();
    kfree(numbers);
}

/* All pipes together do not take more than a part of the machine, and give all of it back. */
KTEST(pipe, many_full_ones_leave_memory_to_others)
{
    enum { MANY = 64 };
    static struct file *pipes[MANY][2];
    unsigned long most = pmm_managed_frames() / 16 + MANY, pages = 0;
    uint8_t *bytes;

    if (pmm_free_frames() < ENOUGH)
        SKIP("little memory");
    bytes = kzalloc(PIPE_BYTES);
    CHECK(bytes);
    for (unsigned i = 0; i < MANY; i++) {
        CHECK_EQ(pipe_create(O_NONBLOCK, pipes[i]), 0);
        memcpy(ends, pipes[i], sizeof(ends));
        CHECK_EQ(pipe_set_limit(ends[1], PIPE_MAX), PIPE_MAX);
        CHECK(put(bytes, PIPE_BUF) == PIPE_BUF);
        pages++;
        for (long more; (more = put(bytes, PIPE_BYTES)) > 0;)
            pages += (unsigned long)more / PAGE_SIZE;
    }
    CHECK(pages > MANY && pages <= most);
    memcpy(ends, pipes[0], sizeof(ends));
    while (pipe_set_limit(ends[1], PIPE_BYTES) == -EBUSY) /* less is to be had always */
        CHECK_EQ(get(bytes, PIPE_BYTES), PIPE_BYTES);
    CHECK_EQ(pipe_get_limit(ends[1]), PIPE_BYTES);
    for (unsigned i = 0; i < MANY; i++) {
        memcpy(ends, pipes[i], sizeof(ends));
        close_both();
    }
    CHECK_EQ(pipe_create(O_NONBLOCK, ends), 0);
    CHECK_EQ(put(bytes, PIPE_BYTES), PIPE_BYTES); /* there is room again */
    close_both();
    kfree(bytes);
}

/* Without memory for a larger ring the pipe holds what fits, and who would not wait is told. */
KTEST(pipe, grows_as_far_as_there_is_memory)
{
    uint8_t *numbers = kmalloc(2 * PIPE_BUF);
    bool failed = true;
    unsigned long n;

    CHECK(numbers);
    for (n = 1; failed; n++) {
        uint8_t in = 0, out = 0;
        long more;

        CHECK_EQ(pipe_create(O_NONBLOCK, ends), 0);
        CHECK_EQ(put_numbers(numbers, 1000, &in), 1000);
        (void)mm_fail_nth(n);
        more = put_numbers(numbers, PIPE_BUF, &in);
        failed = mm_fail_nth(0) >= n;
        CHECK(more == PIPE_BUF || (failed && more == -EAGAIN));
        CHECK_EQ(readiness(1), more > 0 ? POLL_OUT : 0);
        CHECK(get_numbers(numbers, 1, &out));
        CHECK_EQ(readiness(1), POLL_OUT);
        CHECK(get_numbers(numbers, 999 + (more > 0 ? PIPE_BUF : 0), &out));
        CHECK_EQ(get(numbers, 1), -EAGAIN);
        close_both();
    }
    CHECK(n > 2);
    kfree(numbers);
    CHECK(mm_check());
}

KTEST(pipe, readiness)
{
    char byte;

    CHECK_EQ(pipe_create(O_NONBLOCK, ends), 0);
    CHECK_EQ(readiness(0), 0);
    CHECK_EQ(readiness(1), POLL_OUT);
    CHECK_EQ(pipe_set_limit(ends[1], PIPE_BUF), PIPE_BUF);
    CHECK_EQ(put("x", 1), 1);
    CHECK_EQ(readiness(0), POLL_IN);
    CHECK_EQ(readiness(1), 0);
    CHECK_EQ(get(&byte, 1), 1);
    CHECK_EQ(readiness(1), POLL_OUT);
    CHECK_EQ(put("y", 1), 1);
    file_put(ends[1]);
    CHECK_EQ(readiness(0), POLL_IN | POLL_HUP);
    CHECK_EQ(get(&byte, 1), 1);
    CHECK_EQ(readiness(0), POLL_HUP);
    CHECK_EQ(get(&byte, 1), 0);
    file_put(ends[0]);
}

/* A failure that does not show is no end: frames for a slab are had again from slabs that idle. */
KTEST(pipe, without_memory_there_is_none)
{
    bool failed = true;
    unsigned long n;
    char byte;

    for (n = 1; failed; n++) {
        (void)mm_fail_nth(n);
        int error = pipe_create(O_NONBLOCK, ends);
        long written = error == 0 ? put("x", 1) : -ENOMEM;
        failed = mm_fail_nth(0) >= n;

        CHECK(written == -ENOMEM || written == 1);
        CHECK(failed || written == 1);
        if (error == 0) {
            CHECK_EQ(get(&byte, 1), written == 1 ? 1 : -EAGAIN);
            close_both();
        }
    }
    CHECK(n > 5);
    CHECK(mm_check());
}

#define CALL(number) "mov $" #number ", %eax; int $0x80;"
#define EXIT(code)   "mov $" #code ", %ebx;" CALL(1)

/* A pipe at 0x200000; the child writes 3 x 4096 bytes of its page and ends; the parent reads until
 * the end and exits with the number of bytes / 1024. */
PROGRAM(pour, "mov $0x200000, %ebx;" CALL(42) "test %eax, %eax; jnz 9f\n"
              CALL(2) "test %eax, %eax; jz 5f\n"
              "mov 0x200004, %ebx;" CALL(6) "xor %ebp, %ebp\n"
              "1: mov 0x200000, %ebx; mov $0x200100, %ecx; mov $700, %edx;" CALL(3)
              "test %eax, %eax; js 9f; jz 2f; add %eax, %ebp; jmp 1b\n"
              "2: mov %ebp, %ebx; shr $10, %ebx;" CALL(1)
              "5: mov $3, %esi\n"
              "6: mov 0x200004, %ebx; mov $0x200000, %ecx; mov $4096, %edx;" CALL(4)
              "cmp $4096, %eax; jne 9f; dec %esi; jnz 6b;" EXIT(0)
              "9: " EXIT(99));

KTEST(pipe, writer_and_reader_wait_for_each_other)
{
    CHECK_EQ(run_program(PROGRAM_OF(pour)), 12 << 8);
}

/* Nobody reads: SIGPIPE. With it ignored: -EPIPE. */
PROGRAM(broken, "mov $0x200000, %ebx;" CALL(42) "mov 0x200000, %ebx;" CALL(6)
                "mov 0x200004, %ebx; mov $0x200000, %ecx; mov $1, %edx;" CALL(4) EXIT(7));
PROGRAM(broken_ignored, "mov $13, %ebx; mov $1, %ecx;" CALL(48)
                        "mov $0x200000, %ebx;" CALL(42) "mov 0x200000, %ebx;" CALL(6)
                        "mov 0x200004, %ebx; mov $0x200000, %ecx; mov $1, %edx;" CALL(4)
                        "neg %eax; mov %eax, %ebx;" CALL(1));

KTEST(pipe, nobody_reads)
{
    CHECK_EQ(run_program(PROGRAM_OF(broken)), 13);
    CHECK_EQ(run_program(PROGRAM_OF(broken_ignored)), EPIPE << 8);
}

/* poll with a time-out on an empty pipe: 0 after 50 ms; then the child writes and it is ready: the
 * exit code is the events found. struct pollfd at 0x200010. */
PROGRAM(polled, "mov $0x200000, %ebx;" CALL(42)
                "mov 0x200000, %eax; mov %eax, 0x200010; movl $1, 0x200014\n"
                "mov $0x200010, %ebx; mov $1, %ecx; mov $50, %edx;" CALL(168)
                "test %eax, %eax; jnz 9f;" CALL(2) "test %eax, %eax; jz 5f\n"
                "mov $0x200010, %ebx; mov $1, %ecx; mov $-1, %edx;" CALL(168)
                "cmp $1, %eax; jne 9f; movzwl 0x200016, %ebx;" CALL(1)
                "5: " CALL(158) "mov 0x200004, %ebx; mov $0x200000, %ecx; mov $1, %edx;" CALL(4) EXIT(0)
                "9: " EXIT(99));

KTEST(pipe, poll_waits)
{
    CHECK_EQ(run_program(PROGRAM_OF(polled)), POLL_IN << 8);
}
