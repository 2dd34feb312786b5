/* radix.c - the tree behind an object's pages (radix.h).
 *
 * A slot of a leaf holds a frame's number, a slot of any other node the address of a node; 0 is
 * nothing in both. Every index has its place at the same depth, so there is nothing to compare on
 * the way down: shift, mask, load.
 *
 * I1. An index that the tree's levels cannot name is not in it.
 * I2. A node's `used` is the number of its slots that are not 0, and never 0.
 * I3. The root has something in a slot besides slot 0, or is a leaf.
 *
 * Insertion counts the nodes that its way lacks, takes them all and looks again: getting a node may
 * take pages away (reclaim.h), from this very tree too, and with them nodes.
 *
 * Cost: 8 instructions a level and 27 a lookup; 6 levels name every index. A node is 264 bytes.
 */
#include "radix.h"
#include "platform.h"
#include "slab.h"

#define SLOT_BITS  6
#define SLOTS      (1u << SLOT_BITS)
#define LEVELS_MAX 6 /* 6 * 6 bits: more than an index has */

struct radix_node {
    uintptr_t slots[SLOTS];
    uint32_t used;
};

static struct kmem_cache *nodes;

static void
clear_node(void *node)
{
    *(struct radix_node *)node = (struct radix_node){.used = 0};
}

/* Nodes go back to the cache as they were made: empty. */
void
radix_init(void)
{
    nodes = kmem_cache_create("radix-nodes", sizeof(struct radix_node), 0, 0, clear_node);
    if (!nodes)
        kpanic("mm: no memory for the cache of radix nodes");
}

/* The slot for `index` in a node whose slots stand for 2^shift indexes each: 0 for a leaf. */
static inline unsigned
slot_of(uint32_t index, unsigned shift)
{
    return index >> shift & (SLOTS - 1);
}

/* True when `bits` bits cannot name `index`. */
static inline bool
beyond(uint32_t index, unsigned bits)
{
    return bits < 32 && index >> bits != 0;
}

static inline struct radix_node *
child(const struct radix_node *node, unsigned slot)
{
    return (struct radix_node *)node->slots[slot];
}

pfn_t
radix_find(const struct radix *tree, uint32_t index)
{
    const struct radix_node *node = tree->root;
    unsigned shift = tree->bits;

    if (beyond(index, shift))
        return pfn(0);
    while (node && (shift -= SLOT_BITS))
        node = child(node, slot_of(index, shift));
    return pfn(node ? node->slots[index & (SLOTS - 1)] : 0);
}

/* ---- insertion ---- */

static unsigned
bits_for(uint32_t index)
{
    unsigned bits = SLOT_BITS;

    while (beyond(index, bits))
        bits += SLOT_BITS;
    return bits;
}

/* How many levels name so many bits. */
static unsigned
levels_of(unsigned bits)
{
    unsigned levels = 0;

    for (; bits; bits -= SLOT_BITS)
        levels++;
    return levels;
}

/* Nodes that must be made before `index` has a slot in a leaf. */
static unsigned
missing_nodes(const struct radix *tree, uint32_t index)
{
    unsigned wanted = bits_for(index), shift = tree->bits;
    const struct radix_node *node = tree->root;

    if (!node)
        return levels_of(wanted);
    if (wanted > shift) /* above the root, and all below a new one's other slot */
        return levels_of(wanted - shift) + levels_of(wanted) - 1;
    while ((shift -= SLOT_BITS) && (node = child(node, slot_of(index, shift))))
        ;
    return levels_of(shift);
}

/* A chain of at least as many nodes as `index` lacks, linked by slot 0; *chain holds what there is
 * when memory runs out. */
static bool
collect_nodes(const struct radix *tree, uint32_t index, struct radix_node **chain)
{
    unsigned count = 0;

    while (count < missing_nodes(tree, index)) {
        struct radix_node *node = kmem_cache_alloc(nodes);
        if (!node)
            return false;
        node->slots[0] = (uintptr_t)*chain;
        *chain = node;
        count++;
    }
    return true;
}

static struct radix_node *
unchain(struct radix_node **chain)
{
    struct radix_node *node = *chain;

    *chain = child(node, 0);
    node->slots[0] = 0;
    return node;
}

static void
free_chain(struct radix_node *chain)
{
    while (chain)
        kmem_cache_free(nodes, unchain(&chain));
}

/* Adds levels until the tree can name `index`. */
static void
grow(struct radix *tree, uint32_t index, struct radix_node **chain)
{
    if (!tree->root) {
        tree->root = unchain(chain);
        tree->bits = bits_for(index);
    }
    for (; beyond(index, tree->bits); tree->bits += SLOT_BITS) {
        struct radix_node *root = unchain(chain);
        root->slots[0] = (uintptr_t)tree->root;
        root->used = 1;
        tree->root = root;
    }
}

bool
radix_insert(struct radix *tree, uint32_t index, pfn_t frame)
{
    struct radix_node *chain = NULL;

    ASSERT(frame.n);
    if (!collect_nodes(tree, index, &chain)) {
        free_chain(chain);
        return false;
    }
    grow(tree, index, &chain);
    struct radix_node *node = tree->root;
    for (unsigned shift = tree->bits - SLOT_BITS; shift; shift -= SLOT_BITS) {
        unsigned slot = slot_of(index, shift);
        if (!node->slots[slot]) {
            node->slots[slot] = (uintptr_t)unchain(&chain);
            node->used++;
        }
        node = child(node, slot);
    }
    ASSERT(!node->slots[index & (SLOTS - 1)]);
    node->slots[index & (SLOTS - 1)] = frame.n;
    node->used++;
    free_chain(chain);
    return true;
}

/* ---- removal ---- */

/* Takes levels away that name nothing any more (I3). */
static void
shrink(struct radix *tree)
{
    while (tree->bits > SLOT_BITS && tree->root->used == 1 && tree->root->slots[0]) {
        struct radix_node *root = tree->root;
        tree->root = child(root, 0);
        tree->bits -= SLOT_BITS;
        root->slots[0] = 0;
        root->used = 0;
        kmem_cache_free(nodes, root);
    }
}

/* Empties a slot, and with the last one frees the node. True when it did. */
static bool
clear_slot(struct radix_node *node, unsigned slot)
{
    node->slots[slot] = 0;
    if (--node->used)
        return false;
    kmem_cache_free(nodes, node);
    return true;
}

pfn_t
radix_remove(struct radix *tree, uint32_t index)
{
    struct radix_node *way[LEVELS_MAX]; /* from the root to the leaf */
    unsigned level = 0, shift = tree->bits;
    pfn_t frame = radix_find(tree, index);

    if (!frame.n)
        return frame;
    way[0] = tree->root;
    while (shift -= SLOT_BITS) {
        way[level + 1] = child(way[level], slot_of(index, shift));
        level++;
    }
    while (clear_slot(way[level], slot_of(index, shift))) {
        if (level-- == 0) {
            *tree = (struct radix){NULL, 0};
            return frame;
        }
        shift += SLOT_BITS;
    }
    shrink(tree);
    return frame;
}

/* ---- looking through ---- */

/* The first frame of a subtree at *index or behind it, *index moved there. When there is none,
 * *index becomes the first index behind the subtree, 0 past the last of all. */
static pfn_t
next_in(const struct radix_node *node, unsigned shift, uint32_t *index)
{
    for (unsigned slot = slot_of(*index, shift); slot < SLOTS; slot++) {
        if (node->slots[slot] && shift == 0)
            return pfn(node->slots[slot]);
        pfn_t found =
            node->slots[slot] ? next_in(child(node, slot), shift - SLOT_BITS, index) : pfn(0);
        if (found.n)
            return found;
        if (!node->slots[slot])
            *index = (uint32_t)((((uint64_t)*index >> shift) + 1) << shift);
        if (*index == 0)
            break;
    }
    return pfn(0);
}

pfn_t
radix_next(const struct radix *tree, uint32_t *index)
{
    if (!tree->root || beyond(*index, tree->bits))
        return pfn(0);
    return next_in(tree->root, tree->bits - SLOT_BITS, index);
}

static bool
check_node(const struct radix_node *node, unsigned shift, unsigned long *frames)
{
    uint32_t used = 0;

    for (unsigned slot = 0; slot < SLOTS; slot++) {
        if (!node->slots[slot])
            continue;
        used++;
        if (shift == 0)
            ++*frames;
        else if (!check_node(child(node, slot), shift - SLOT_BITS, frames))
            return false;
    }
    return used && used == node->used;
}

bool
radix_check(const struct radix *tree, unsigned long *frames)
{
    if (!tree->root)
        return tree->bits == 0;
    if (tree->bits == 0 || tree->bits > LEVELS_MAX * SLOT_BITS)
        return false;
    if (tree->bits > SLOT_BITS && tree->root->used == 1 && tree->root->slots[0])
        return false;
    return check_node(tree->root, tree->bits - SLOT_BITS, frames);
}
