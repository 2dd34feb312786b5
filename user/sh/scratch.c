/* scratch.c - memory that nobody releases piece by piece.
 *
 * A command's tree, words and arguments live until the command is done. They are cut one behind the
 * other from chunks; a mark remembers how far, and forgetting goes back to it:
 *
 *     chunk ◄── chunk ◄── newest          each CHUNK bytes, or one large piece
 *     │used│    │used│    │used ▒free▒│
 *
 * One free chunk is kept, so that a loop does not allocate and release on every round.
 */
#include "shell.h"

#define CHUNK 2000

struct chunk {
    struct chunk *older;
    size_t size, used;
    char bytes[];
};

static struct chunk *newest, *spare;

static void
add_chunk(size_t least)
{
    size_t size = least > CHUNK ? least : CHUNK;
    struct chunk *chunk = size == CHUNK && spare ? spare : allocate(sizeof(*chunk) + size);

    if (chunk == spare)
        spare = NULL;
    *chunk = (struct chunk){.older = newest, .size = size};
    newest = chunk;
}

void *
scratch(size_t size)
{
    void *piece;

    size = (size + 7) & ~(size_t)7;
    if (!newest || newest->size - newest->used < size)
        add_chunk(size);
    piece = newest->bytes + newest->used;
    newest->used += size;
    return memset(piece, 0, size);
}

struct scratch_mark
scratch_mark(void)
{
    return (struct scratch_mark){newest, newest ? newest->used : 0};
}

void
scratch_forget(struct scratch_mark mark)
{
    while (newest != mark.chunk) {
        struct chunk *chunk = newest;

        newest = chunk->older;
        if (!spare && chunk->size == CHUNK)
            spare = chunk;
        else
            release(chunk);
    }
    if (newest)
        newest->used = mark.used;
}

/* ---- texts and lists ---- */

void
text_add(struct text *text, const char *more, size_t size)
{
    if (text->used + size + 1 > text->room) {
        size_t room = (text->used + size + 1) * 2 + 16;
        char *new = scratch(room);

        if (text->used)
            memcpy(new, text->at, text->used);
        text->at = new;
        text->room = room;
    }
    memcpy(text->at + text->used, more, size);
    text->used += size;
    text->at[text->used] = '\0';
}

void
text_put(struct text *text, char character)
{
    text_add(text, &character, 1);
}

void
fields_add(struct fields *fields, char *item)
{
    if (fields->count + 1 >= fields->room) {
        size_t room = fields->room * 2 + 8;
        char **new = scratch(room * sizeof(*new));

        if (fields->count)
            memcpy(new, fields->items, fields->count * sizeof(*new));
        fields->items = new;
        fields->room = room;
    }
    fields->items[fields->count++] = item;
    fields->items[fields->count] = NULL;
}
