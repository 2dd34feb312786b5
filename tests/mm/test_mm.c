/* test_mm.c - the memory manager as a whole. */
#include "mm.h"
#include "testing.h"

/* After each test, of whatever subject, every frame has exactly one owner. */
bool
ktest_after(void)
{
    return mm_check();
}
