/* test_debug_stacks.c - the depot of stacks: the same calls get the same number, others another,
 * and a number leads back to the calls.
 */
#include "listener.h"
#include "mm_debug.h"
#include "testing.h"
#include "../../mm/debug/debug_private.h"

static __attribute__((noinline)) uint32_t
save_here(void)
{
    return stack_save(NULL);
}

static __attribute__((noinline)) uint32_t
save_below(unsigned depth)
{
    uint32_t stack = depth ? save_below(depth - 1) : save_here();
    __asm__ volatile("" : "+r"(stack)); /* the call is no jump */
    return stack;
}

static unsigned
count_lines(void)
{
    unsigned lines = 0;
    for (size_t i = 0; i < used; i++)
        lines += text[i] == '\n';
    return lines;
}

KTEST(debug_stacks, one_number_for_the_same_calls)
{
    uint32_t first = 0;
    if (!debug_on(DEBUG_STACKS))
        SKIP("debug=stacks is off");
    for (unsigned i = 0; i < 5; i++) {
        uint32_t stack = save_below(2);
        CHECK(stack != 0);
        CHECK(i == 0 || stack == first);
        first = stack;
    }
    CHECK(save_below(3) != first);
    CHECK(save_here() != first);
}

/* At most 12 calls, the innermost. */
KTEST(debug_stacks, number_leads_to_calls)
{
    if (!debug_on(DEBUG_STACKS))
        SKIP("debug=stacks is off");
    stack_print(fresh(), "made by", save_below(1), NULL);
    unsigned shallow = count_lines();
    CHECK(says("     made by "));
    CHECK(says("   called by "));
    stack_print(fresh(), "made by", save_below(2), NULL);
    CHECK(count_lines() == shallow + 1 || count_lines() == 12);
    stack_print(fresh(), "made by", save_below(30), NULL);
    CHECK_EQ(count_lines(), 12);
}

/* Numbers that are none print the caller alone, or nothing. */
KTEST(debug_stacks, no_stack)
{
    stack_print(fresh(), "made by", 0, NULL);
    CHECK_EQ(used, 0);
    stack_print(fresh(), "made by", 0, __builtin_return_address(0));
    CHECK_EQ(count_lines(), 1);
    stack_print(fresh(), "made by", 0xffffffffu, __builtin_return_address(0));
    CHECK_EQ(count_lines(), 1);
}
