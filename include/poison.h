/* poison.h - the bytes that debugging, and the heap always, write over memory: known by sight in a
 * dump or a register. */
#ifndef OCTAVO_POISON_H
#define OCTAVO_POISON_H

enum {
    POISON_RED = 0xbb,  /* around objects: red zones */
    POISON_FREE = 0x6b, /* in a freed object */
    POISON_NEW = 0x5a,  /* in a new object that nobody has set yet */
    POISON_PAGE = 0xaa, /* in a free frame */
    POISON_MARK = 0xf4, /* in the first word of a freed object that a CPU keeps at hand */
};

#endif
