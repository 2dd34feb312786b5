/* node.c - nodes of the tree: their life, the lists of folders, names.
 *
 *   folder ──first──► child ⇄ child ⇄ child ◄──last──    by `place`, in the order they came
 *      ▲                │
 *      └────parent──────┘
 *
 * A folder's list holds its children, and each child holds its parent, listed or not: so a way up
 * to the root exists from anywhere. A node that is taken out of its folder keeps parent and name,
 * for who still has it open, and for "(deleted)" in lists of what a program maps.
 *
 * A regular file's node and object are one piece of memory. The node holds the object; mappings may
 * hold it longer. So the last reference to the node lets the object go, and the object's release
 * frees both.
 *
 * Names are compared by hash first. The hash does not see case, so that a name from a FAT volume is
 * found in any; a name that matches exactly comes before one that differs in case.
 *
 * A generated node is made anew by each look-up, and always has the same number (st_ino): it follows
 * from its folder's and its name. Numbers of stored ones are counted and lie below.
 *
 * Invariants: I1 a listed child's parent is the folder; I2 places grow along the list; I3 no two
 * listed names are equal; I4 the root is linked and its own parent.
 *
 * Cost: 108 bytes a node and the name's; a file's object, 48, besides.
 */
#include <string.h>
#include "clock.h"
#include "file.h"
#include "kmalloc.h"

/* Places of stored children lie below this, those of generated ones from here on. */
#define GENERATED_PLACES 0x40000000u

#define GENERATED_NUMBERS 0x80000000u

const struct mount root_mount = {"rootfs", RAMFS_MAGIC, 1, false};
const struct mount device_mount = {"devtmpfs", TMPFS_MAGIC, 2, false};
const struct mount proc_mount = {"proc", PROC_SUPER_MAGIC, 3, false};
const struct mount tmp_mount = {"tmpfs", TMPFS_MAGIC, 4, true};
const struct mount shared_mount = {"tmpfs", TMPFS_MAGIC, 5, true};
const struct mount pipe_mount = {"pipefs", PIPEFS_MAGIC, 6, false};

/* A regular file. */
struct content {
    struct node node;
    struct object object;
};

struct node *tree_root;

static uint32_t last_number;
static unsigned long changeable; /* nodes of writable mounts */

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

/* The number of a generated node: FNV-1a over its name, beginning with its folder. */
static uint32_t
generated_number(const struct node *folder, const char *name)
{
    uint32_t hash = folder->number * 0x9E3779B1u;

    for (; *name != '\0'; name++)
        hash = (hash ^ (uint8_t)*name) * 0x01000193u;
    return hash | GENERATED_NUMBERS;
}

static uint32_t
next_number(void)
{
    last_number = (last_number + 1) & ~GENERATED_NUMBERS;
    return last_number;
}

static char *
copy_of(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = kmalloc(size);

    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

/* ---- life ---- */

/* The clock moves by ticks: within one, the answer is the same. */
struct node_time
node_now(void)
{
    static struct timespec64 now;
    static uint32_t asked;
    uint32_t ticks = timer_ticks() + 1;

    if (ticks != asked && clock_read(CLOCK_REALTIME_COARSE, &now) == 0)
        asked = ticks;
    return (struct node_time){(uint32_t)now.sec, (uint32_t)now.nsec};
}

void
node_touch(struct node *node)
{
    node->modified = node->changed = node_now();
}

static void
node_init(struct node *node, const struct mount *mount, uint32_t mode, const struct file_ops *ops)
{
    node->refs = 1;
    node->mode = mode;
    node->mount = mount;
    node->ops = ops;
    changeable += mount->writable;
    node->accessed = node->modified = node->changed = node_now();
}

struct node *
node_create(const struct mount *mount, uint32_t mode, const struct file_ops *ops)
{
    struct node *node = kzalloc(sizeof(*node));

    if (node != NULL) {
        node_init(node, mount, mode, ops);
        node->number = next_number();
    }
    return node;
}

int
node_set_name(struct node *node, const char *name)
{
    char *copy = copy_of(name);

    ASSERT(!node->linked);
    if (copy == NULL)
        return -ENOMEM;
    kfree(node->name);
    node->name = copy;
    return 0;
}

struct node *
node_create_link(const struct mount *mount, const char *target)
{
    struct node *link = node_create(mount, S_IFLNK | 0777, &folder_ops);

    if (link == NULL)
        return NULL;
    link->target = copy_of(target);
    if (link->target == NULL) {
        node_put(link);
        return NULL;
    }
    return link;
}

struct node *
node_create_dynamic(struct node *parent, const char *name, uint32_t mode,
                    const struct file_ops *ops, const struct tree_dynamic *dynamic, uintptr_t value)
{
    struct node *node = kzalloc(sizeof(*node));

    if (node == NULL)
        return NULL;
    node_init(node, parent->mount, mode, ops);
    node->number = generated_number(parent, name);
    if (node_set_name(node, name) != 0) {
        node_put(node);
        return NULL;
    }
    node->parent = parent;
    node_get(parent);
    node->dynamic = dynamic;
    node->value = value;
    return node;
}

static struct content *
content_of(const struct object *object)
{
    return (struct content *)((char *)object - offsetof(struct content, object));
}

unsigned long
node_count_changeable(void)
{
    return changeable;
}

/* What every node owns but its memory. */
static void
node_clear(struct node *node)
{
    ASSERT(!node->linked && node->refs == 0);
    changeable -= node->mount->writable;
    if (node->dynamic != NULL && node->dynamic->release != NULL)
        node->dynamic->release(node);
    if (S_ISLNK(node->mode))
        kfree(node->target);
    kfree(node->name);
}

/* An object's release that belongs to a node; `mm/` calls it when the last mapping is gone too. */
void
node_release_object(struct object *object)
{
    struct content *content = content_of(object);
    struct node *parent = content->node.parent;

    node_clear(&content->node);
    kfree(content);
    if (parent != NULL)
        node_put(parent);
}

static bool
node_is_content(const struct node *node)
{
    return S_ISREG(node->mode) && node->object != NULL;
}

void
node_revive(struct node *node)
{
    if (node->refs++ == 0)
        object_get(node->object);
}

/* A folder may be the last holder of the one above it, and so on up. */
void
node_put(struct node *node)
{
    while (node != NULL && --node->refs == 0) {
        struct node *parent = node->parent;

        if (node_is_content(node)) {
            object_put(node->object);
            return;
        }
        node_clear(node);
        kfree(node);
        node = parent;
    }
}

/* ---- regular files ---- */

static const struct object_ops kept_ops = {NULL, node_release_object};

struct node *
node_create_file(const struct mount *mount, uint32_t mode, uint64_t size,
                 const struct object_ops *ops, uintptr_t value)
{
    struct content *content = kzalloc(sizeof(*content));
    struct node *node;

    if (content == NULL)
        return NULL;
    node = &content->node;
    node_init(node, mount, S_IFREG | mode, &regular_ops);
    node->number = next_number();
    node->value = value;
    node->object = &content->object;
    object_init(node->object, ops != NULL ? ops : &kept_ops, size);
    node->object->counted = ops == NULL;
    return node;
}

const struct node *
node_of_object(const struct object *object)
{
    if (object->ops->release != node_release_object)
        return NULL;
    return &content_of(object)->node;
}

/* ---- the list of a folder ---- */

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
    char *copy = copy_of(name);

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
    char *copy = copy_of(name);

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

    for (struct node *child = folder->first; child != NULL; child = child->next) {
        if (child->hash != hash)
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
    *child = node_child(folder, name);
    if (*child != NULL) {
        node_get(*child);
        return 0;
    }
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
    entry->number = generated_number(folder, entry->name);
    *index = at + GENERATED_PLACES;
    return true;
}

bool
node_list(struct node *folder, uint32_t *index, struct tree_entry *entry)
{
    struct node *child = child_from(folder, *index);

    if (child == NULL)
        return list_generated(folder, index, entry);
    memcpy(entry->name, child->name, strlen(child->name) + 1);
    entry->number = child->number;
    entry->mode = child->mode;
    *index = child->place + 1;
    return true;
}

long
node_read_link(struct node *link, char *text, size_t size)
{
    size_t length;

    if (link->dynamic != NULL && link->dynamic->target != NULL)
        return link->dynamic->target(link, text, size);
    length = strlen(link->target);
    if (length > size)
        length = size;
    memcpy(text, link->target, length);
    return (long)length;
}

/* ---- I1 .. I4 ---- */

static bool
child_ok(const struct node *folder, const struct node *child)
{
    const struct node *other = child->next;

    if (!child->linked || child->parent != folder || child->refs == 0 || child->name == NULL ||
        child->hash != name_hash(child->name) || child->place >= folder->next_place)
        return false;
    if (other != NULL ? other->previous != child || other->place <= child->place
                      : folder->last != child)
        return false;
    for (; other != NULL; other = other->next) {
        if (strcmp(other->name, child->name) == 0)
            return false;
    }
    return true;
}

/* The node after `node` when a folder comes before its children; NULL: that was the last. */
static const struct node *
next_of_tree(const struct node *node)
{
    if (node_is_folder(node) && node->first != NULL)
        return node->first;
    while (node->next == NULL && node != tree_root)
        node = node->parent;
    return node->next;
}

bool
tree_check(void)
{
    const struct node *node = tree_root;

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

/* ---- the way back ---- */

char *
node_path(const struct node *node, char *text, size_t size, bool *gone)
{
    char *at = text + size - 1;

    *at = '\0';
    *gone = false;
    if (node == tree_root)
        *--at = '/';
    for (; node != tree_root && node != NULL; node = node->parent) {
        size_t length = node->name != NULL ? strlen(node->name) : 0;

        if ((size_t)(at - text) < length + 1)
            return NULL;
        at -= length;
        memcpy(at, node->name, length);
        *--at = '/';
        *gone |= !node->linked && (node->parent == NULL || node->parent->dynamic == NULL);
    }
    return at;
}
