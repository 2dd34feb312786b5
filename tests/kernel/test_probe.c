/* test_probe.c - memory answers, and is as it was afterwards. */
#include <string.h>
#include "ktest.h"
#include "platform.h"
#include "pmm.h"
#include "probe.h"

KTEST(probe, memory_answers_and_keeps_its_content)
{
    paddr_t frame = pmm_alloc_page_flags(PMM_DIRECT);
    uint32_t *words = frame_to_ptr(paddr_to_pfn(frame));

    CHECK(frame != 0);
    for (uint32_t i = 0; i < PAGE_SIZE / sizeof(*words); i++)
        words[i] = i * 2654435761u;
    for (paddr_t at = 0; at < PAGE_SIZE; at += 8)
        CHECK(probe_answers(frame + at));
    for (uint32_t i = 0; i < PAGE_SIZE / sizeof(*words); i++)
        CHECK_EQ(words[i], i * 2654435761u);
    pmm_free_page(frame);
}
