/* node_private.h - what node.c and children.c share. */
#ifndef OCTAVO_NODE_PRIVATE_H
#define OCTAVO_NODE_PRIVATE_H

#include "node.h"

/* A regular file. */
struct content {
    struct node node;
    struct object object;
    struct rw_mutex lock; /* of its bytes and size: reads share it, a write has it alone */
};

/* For a regular file with an object. */
static inline struct rw_mutex *
node_bytes_lock(struct node *node)
{
    return &((struct content *)node)->lock;
}

/* A copy of a text in memory of its own (kmalloc); NULL: none left. */
char *node_text_copy(const char *text);

/* The number of the generated child `name`. */
uint32_t node_generated_number(const struct node *folder, const char *name);

#endif
