/* children.c - the list of a folder: who is in it, by name and by place.
 *
 *   folder ──first──► child ⇄ child ⇄ child ◄──last──    by `place`, in the order they came
 *      ▲                │
 *      └────parent──────┘
 *
 * Places are for listings, which may go on after changes: from the place where they were. The
 * folder remembers the child there, so that listing all takes as many steps as there are.
 *
 * By name, children are found in one table for all folders: hash of the name and number of the
 * folder say in which chain. The hash does not see case, so that a name from a FAT volume is found
 * in any; a name that matches exactly comes before one that differs in case.
 *
 * Lock: tree_lock. A listing takes it for each step, and under it writes down where it was, which
 * is only a hint: so listings share it.
 *
 * Invariants: I1 a listed child's parent is the folder; I2 places grow along the list; I3 no two
 * listed names are equal, and each is found; I4 the root is linked and its own parent.
 */
#include <string.h>
#include "kmalloc.h"
#include "node_private.h"

/* Places of stored children lie below this, those of generated ones from here on. */
#define GENERATED_PLACES 0x40000000u

#define CHAINS 1024u

struct rw_mutex tree_lock STATIC_MUTEX = RW_MUTEX_INIT;

/* Every child that is listed somewhere. */
static struct node *chains[CHAINS];

/* ---- names ---- */

static char
lower_case(char character)
{
    return character >= 'A' && character <= 'Z' ? (char)(character | 0x20) : character;
}

/* The bit that tells cases of letters apart is left out, of everything. */
static uint32_t
name_hash(const char *name)
{
    uint32_t hash = 0;

    for (; *name != '\0'; name++)
        hash = hash * 31 + (uint8_t)(*name | 0x20);
    return hash;
}

static bool
same_but_for_case(const char *a, const char *b)
{
    while (lower_case(*a) == lower_case(*b)) {
        if (*a == '\0')
            return true;
        a++;
        b++;
    }
    return false;
}

static struct node **
chain_of(const struct node *folder, uint32_t hash)
{
    return &chains[(hash ^ folder->number) % CHAINS];
}

/* ---- coming and going ---- */

/* Places are given out one by one and never again; when they run out, all are given anew. Whoever
 * is listing the folder just then may see a child twice or not at all. */
static uint32_t
next_place(struct node *folder)
{
    struct node *child = folder->first;

    if (folder->next_place == GENERATED_PLACES) {
        folder->next_place = 0;
        folder->listed = NULL;
        for (; child != NULL; child = child->next)
            child->place = folder->next_place++;
    }
    return folder->next_place++;
}

static void
list_append(struct node *folder, struct node *node)
{
    struct node **chain = chain_of(folder, node->hash);

    node->next_same_hash = *chain;
    *chain = node;
    node->place = next_place(folder);
    node->next = NULL;
    node->previous = folder->last;
    if (folder->last != NULL)
        folder->last->next = node;
    else
        folder->first = node;
    folder->last = node;
    folder->folders += node_is_folder(node);
}

static void
list_remove(struct node *folder, struct node *node)
{
    struct node **link = chain_of(folder, node->hash);

    while (*link != node)
        link = &(*link)->next_same_hash;
    *link = node->next_same_hash;
    if (node->previous != NULL)
        node->previous->next = node->next;
    else
        folder->first = node->next;
    if (node->next != NULL)
        node->next->previous = node->previous;
    else
        folder->last = node->previous;
    folder->folders -= node_is_folder(node);
    if (folder->listed == node)
        folder->listed = NULL;
}

/* The list takes a reference; `name` becomes the node's. */
static void
enter(struct node *folder, struct node *node, char *name)
{
    struct node *old_parent = node->parent;

    kfree(node->name);
    node->name = name;
    node->hash = name_hash(name);
    node_get(folder);
    node->parent = folder;
    if (old_parent != NULL)
        node_put(old_parent);
    node_get(node);
    node->linked = true;
    list_append(folder, node);
    node_touch(folder);
}

int
node_attach(struct node *folder, struct node *node, const char *name)
{
    char *copy = node_text_copy(name);

    ASSERT(node_is_folder(folder) && !node->linked);
    if (copy == NULL)
        return -ENOMEM;
    enter(folder, node, copy);
    return 0;
}

void
node_detach(struct node *node)
{
    ASSERT(node->linked && node != tree_root);
    list_remove(node->parent, node);
    node->linked = false;
    node_touch(node->parent);
    node->changed = node->parent->changed;
    node_put(node);
}

int
node_move(struct node *node, struct node *folder, const char *name, struct node *replaced)
{
    char *copy = node_text_copy(name);

    if (copy == NULL)
        return -ENOMEM;
    if (replaced != NULL)
        node_detach(replaced);
    node_get(node);
    node_detach(node);
    enter(folder, node, copy);
    node_put(node);
    return 0;
}

bool
node_is_empty(const struct node *folder)
{
    return folder->first == NULL && folder->dynamic == NULL;
}

/* ---- finding ---- */

struct node *
node_child(struct node *folder, const char *name)
{
    uint32_t hash = name_hash(name);
    struct node *similar = NULL;

    for (struct node *child = *chain_of(folder, hash); child != NULL; child = child->next_same_hash) {
        if (child->hash != hash || child->parent != folder)
            continue;
        if (strcmp(child->name, name) == 0)
            return child;
        if (child->any_case && same_but_for_case(child->name, name))
            similar = child;
    }
    return similar;
}

int
node_lookup(struct node *folder, const char *name, struct node **child)
{
    rw_lock_shared(&tree_lock);
    *child = node_child(folder, name);
    if (*child != NULL)
        node_get(*child);
    rw_unlock_shared(&tree_lock);
    if (*child != NULL)
        return 0;
    if (folder->dynamic == NULL || folder->dynamic->lookup == NULL)
        return -ENOENT;
    return folder->dynamic->lookup(folder, name, child);
}

/* A listing goes on where the last one was, if it can. */
static struct node *
child_from(struct node *folder, uint32_t place)
{
    struct node *child = folder->listed;

    if (child == NULL || child->place > place)
        child = folder->first;
    while (child != NULL && child->place < place)
        child = child->next;
    folder->listed = child;
    return child;
}

static bool
list_generated(struct node *folder, uint32_t *index, struct tree_entry *entry)
{
    uint32_t at = *index < GENERATED_PLACES ? 0 : *index - GENERATED_PLACES;

    if (folder->dynamic == NULL || folder->dynamic->list == NULL ||
        !folder->dynamic->list(folder, &at, entry))
        return false;
    entry->number = node_generated_number(folder, entry->name);
    *index = at + GENERATED_PLACES;
    return true;
}

static bool
list_stored(struct node *folder, uint32_t *index, struct tree_entry *entry)
{
    struct node *child = child_from(folder, *index);

    if (child == NULL)
        return false;
    memcpy(entry->name, child->name, strlen(child->name) + 1);
    entry->number = child->number;
    entry->mode = child->mode;
    *index = child->place + 1;
    return true;
}

bool
node_list(struct node *folder, uint32_t *index, struct tree_entry *entry)
{
    bool found;

    rw_lock_shared(&tree_lock);
    found = list_stored(folder, index, entry);
    rw_unlock_shared(&tree_lock);
    return found || list_generated(folder, index, entry);
}

/* ---- I1 .. I4 ---- */

static bool
child_ok(struct node *folder, const struct node *child)
{
    const struct node *other = child->next;

    if (!child->linked || child->parent != folder || child->refs == 0 || child->name == NULL ||
        child->hash != name_hash(child->name) || child->place >= folder->next_place)
        return false;
    if (other != NULL ? other->previous != child || other->place <= child->place
                      : folder->last != child)
        return false;
    return node_child(folder, child->name) == child;
}

/* The node after `node` when a folder comes before its children; NULL: that was the last. */
static struct node *
next_of_tree(struct node *node)
{
    if (node_is_folder(node) && node->first != NULL)
        return node->first;
    while (node->next == NULL && node != tree_root)
        node = node->parent;
    return node->next;
}

static bool
check_locked(void)
{
    struct node *node = tree_root;

    if (!node->linked || node->parent != node || node->next != NULL)
        return false;
    for (; node != NULL; node = next_of_tree(node)) {
        uint32_t folders = 0;

        if (!node_is_folder(node))
            continue;
        for (const struct node *child = node->first; child != NULL; child = child->next) {
            if (!child_ok(node, child))
                return false;
            folders += node_is_folder(child);
        }
        if (folders != node->folders || (node->first == NULL && node->last != NULL))
            return false;
    }
    return true;
}

bool
tree_check(void)
{
    bool good;

    rw_lock_shared(&tree_lock);
    good = check_locked();
    rw_unlock_shared(&tree_lock);
    return good;
}
