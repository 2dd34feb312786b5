/* sort.c - shell sort: in place, no recursion, fast enough for what a screen can show. */
#include "runtime.h"

void
sort_pointers(void *pointers[], size_t count, comparer compare)
{
    size_t gap = 1;

    while (gap < count / 3)
        gap = gap * 3 + 1;
    for (; gap; gap /= 3) {
        for (size_t i = gap; i < count; i++) {
            void *moving = pointers[i];
            size_t at = i;

            for (; at >= gap && compare(pointers[at - gap], moving) > 0; at -= gap)
                pointers[at] = pointers[at - gap];
            pointers[at] = moving;
        }
    }
}
