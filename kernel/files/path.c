/* path.c - from the text of a path to a place in the tree. path_resolution(7).
 *
 *   at ──► folder reached so far        rest ──► "b/c"        what is still to go
 *
 * Each name is looked up in `at`, which moves on to what it found. A link on the way puts its text
 * in front of what is still to go: the rest is kept on a stack, the text becomes the new rest, and
 * when it is used up, the old one goes on. At most LINKS_MAX links are followed for one path, so
 * the stack is never deeper.
 *
 *   "/tmp/link/c", link = "x/y":   rest "link/c" → push "/c", rest "x/y" → x → y → pop → c
 *
 * The walk ends at the last name: when only slashes are left on every level. That name's folder and
 * node, if there is one, are the answer.
 *
 * Lock: tree_lock for each name, shared. So others may change the tree while a path is walked; who
 * wants to change the place that it leads to looks again (tmpfs.c).
 *
 * Cost: one allocation a link; none without links.
 */
#include <string.h>
#include "kmalloc.h"
#include "node.h"

#define LINKS_MAX      40
#define DYNAMIC_TARGET 256u /* longest text of a generated link */

struct walk {
    struct node *at; /* held */
    const char *rest;
    unsigned links; /* followed so far */
    unsigned depth;
    struct level {
        char *text;       /* of the link that is being walked; ours */
        const char *rest; /* where to go on when it is used up */
    } levels[LINKS_MAX];
};

/* Moves on; takes over the reference. */
static void
walk_to(struct walk *walk, struct node *node)
{
    node_put(walk->at);
    walk->at = node;
}

/* What is still to go; an absolute path begins anew at the root. */
static void
walk_rest(struct walk *walk, const char *rest)
{
    walk->rest = rest;
    if (*rest == '/') {
        node_get(tree_root);
        walk_to(walk, tree_root);
    }
}

static void
walk_pop(struct walk *walk)
{
    struct level *level = &walk->levels[--walk->depth];

    kfree(level->text);
    walk->rest = level->rest;
}

static void
walk_end(struct walk *walk)
{
    while (walk->depth > 0)
        walk_pop(walk);
    node_put(walk->at);
}

/* Cuts the next name off. 1; 0 when there is none left; -ENAMETOOLONG. */
static int
walk_next(struct walk *walk, char name[NAME_MAX + 1])
{
    size_t length = 0;

    for (;;) {
        while (*walk->rest == '/')
            walk->rest++;
        if (*walk->rest != '\0' || walk->depth == 0)
            break;
        walk_pop(walk);
    }
    for (; walk->rest[length] != '/' && walk->rest[length] != '\0'; length++) {
        if (length == NAME_MAX)
            return -ENAMETOOLONG;
        name[length] = walk->rest[length];
    }
    name[length] = '\0';
    walk->rest += length;
    return length > 0;
}

/* True when no name is left; *slash: but there are slashes. */
static bool
walk_at_end(const struct walk *walk, bool *slash)
{
    const char *rest = walk->rest;

    *slash = false;
    for (unsigned i = walk->depth;; i--) {
        *slash |= *rest == '/';
        while (*rest == '/')
            rest++;
        if (*rest != '\0')
            return false;
        if (i == 0)
            return true;
        rest = walk->levels[i - 1].rest;
    }
}

/* The text of a link in memory of its own; its length or -errno. */
static long
link_text(struct node *link, char **text)
{
    size_t size = link->dynamic != NULL ? DYNAMIC_TARGET : strlen(link->target);
    long length;

    *text = kmalloc(size + 1);
    if (*text == NULL)
        return -ENOMEM;
    length = node_read_link(link, *text, size);
    if (length < 0)
        kfree(*text);
    else
        (*text)[length] = '\0';
    return length;
}

/* Goes where a link says: *node, a link, is let go and is NULL when its text is to be walked, or
 * becomes what the link leads to by itself. */
static int
walk_link(struct walk *walk, struct node **node)
{
    struct node *link = *node, *target = NULL;
    struct level *level = &walk->levels[walk->depth];
    long error = 0;

    *node = NULL;
    if (walk->links++ == LINKS_MAX)
        error = -ELOOP;
    else if (link->dynamic != NULL && link->dynamic->follow != NULL)
        error = link->dynamic->follow(link, &target);
    if (error == 0 && target == NULL)
        error = link_text(link, &level->text);
    node_put(link);
    if (error < 0 || target != NULL) {
        *node = target;
        return error < 0 ? (int)error : 0;
    }
    level->rest = walk->rest;
    walk->depth++;
    walk_rest(walk, level->text);
    return 0;
}

/* The node that one name leads to from walk->at. */
static int
walk_look(struct walk *walk, struct place *place, struct node **node)
{
    const char *name = place->name;

    place->kind = PLACE_NAME;
    if (!node_is_folder(walk->at))
        return -ENOTDIR;
    if (name[0] != '.' || (name[1] != '\0' && (name[1] != '.' || name[2] != '\0')))
        return node_lookup(walk->at, name, node);
    place->kind = name[1] == '\0' ? PLACE_DOT : PLACE_DOTDOT;
    if (name[1] == '\0')
        node_get(*node = walk->at);
    else
        *node = node_get_parent(walk->at);
    return 0;
}

/* Is a link at the path's end to be followed? */
static bool
leads_on(const struct place *place, unsigned flags)
{
    return !(flags & PATH_NAME) && (place->slash || !(flags & PATH_NO_FOLLOW));
}

/* One name. 1: the path goes on; 0: *place is its end; or -errno. */
static int
walk_step(struct walk *walk, unsigned flags, struct place *place)
{
    struct node *node = NULL;
    bool last = walk_at_end(walk, &place->slash);
    int error = walk_look(walk, place, &node);

    if (error == -ENOENT && last && place->kind == PLACE_NAME)
        return 0;
    if (error != 0)
        return error;
    if (S_ISLNK(node->mode) && (!last || leads_on(place, flags))) {
        error = walk_link(walk, &node);
        if (error != 0 || node == NULL)
            return error != 0 ? error : 1;
    }
    if (last && place->kind == PLACE_NAME) {
        place->node = node;
        return 0;
    }
    walk_to(walk, node);
    return 1;
}

/* A link may end without a name ("/"): then the place is where the walk stands. 0 or -errno. */
static int
walk_all(struct walk *walk, unsigned flags, struct place *place)
{
    int more;

    do {
        more = walk_next(walk, place->name);
        if (more == 0 && place->kind == PLACE_NAME)
            place->kind = PLACE_ROOT;
        if (more > 0)
            more = walk_step(walk, flags, place);
    } while (more > 0);
    return more;
}

int
path_place(struct node *start, const char *path, unsigned flags, struct place *place)
{
    struct walk walk;
    int more;

    if (*path == '\0' && !(flags & PATH_EMPTY))
        return -ENOENT;
    walk.at = start;
    node_get(start);
    walk.depth = walk.links = 0;
    walk_rest(&walk, path);
    place->node = NULL;
    place->slash = false;
    place->kind = PLACE_ROOT;
    more = walk_all(&walk, flags, place);
    if (more == 0) {
        place->folder = walk.at;
        node_get(walk.at);
        if (place->kind != PLACE_NAME)
            node_get(place->node = walk.at);
    }
    walk_end(&walk);
    return more;
}

void
place_put(struct place *place)
{
    node_put(place->folder);
    node_put(place->node);
}

int
path_find(struct node *start, const char *path, unsigned flags, struct node **node)
{
    struct place place;
    int error = path_place(start, path, flags, &place);

    if (error != 0)
        return error;
    if (place.node == NULL)
        error = -ENOENT;
    else if (place.slash && !node_is_folder(place.node))
        error = -ENOTDIR;
    if (error == 0)
        node_get(*node = place.node);
    place_put(&place);
    return error;
}
