/* actions.c - what a process does on which signal.
 *
 *   process ──► struct actions ──► struct action_table: 64 handlers
 *   process ──┘ (CLONE_SIGHAND)        ▲
 *   child ────► struct actions ────────┘ until parent or child changes one
 *
 * The table of a process that never asked for anything is a constant one that all share, so that a
 * fork copies nothing and an ordinary program has none of its own.
 */
#include "kmalloc.h"
#include "signal_private.h"

/* Held by itself: it is never freed. */
static struct action_table defaults = {.refs = 1};

static void
table_put(struct action_table *table)
{
    if (--table->refs == 0)
        kfree(table);
}

static struct actions *
create(struct action_table *table)
{
    struct actions *actions = kmalloc(sizeof(*actions));

    if (actions == NULL)
        return NULL;
    table->refs++;
    *actions = (struct actions){.refs = 1, .table = table};
    return actions;
}

struct actions *
actions_create(void)
{
    return create(&defaults);
}

struct actions *
actions_fork(struct actions *actions)
{
    return create(actions->table);
}

void
actions_get(struct actions *actions)
{
    actions->refs++;
}

void
actions_put(struct actions *actions)
{
    if (--actions->refs > 0)
        return;
    table_put(actions->table);
    kfree(actions);
}

/* A table that nobody else has. */
static int
own_table(struct actions *actions)
{
    struct action_table *own, *shared = actions->table;

    if (shared->refs == 1 && shared != &defaults)
        return 0;
    own = kmalloc(sizeof(*own));
    if (own == NULL)
        return -ENOMEM;
    *own = *shared;
    own->refs = 1;
    actions->table = own; /* before the old one goes: signals come from interrupts too */
    table_put(shared);
    return 0;
}

int
action_set(struct actions *actions, int signal, const struct action *action)
{
    unsigned long state;

    if (own_table(actions) != 0)
        return -ENOMEM;
    state = spin_lock(&signal_lock);
    actions->table->of[signal - 1] = *action;
    spin_unlock(&signal_lock, state);
    return 0;
}

void
signal_sets(const struct process *process, sigset_t *ignored, sigset_t *caught)
{
    *ignored = *caught = 0;
    for (int signal = 1; process->actions != NULL && signal <= SIGNALS; signal++) {
        uint32_t handler = action_of(process->actions, signal)->handler;

        if (handler == SIG_IGN)
            *ignored |= signal_bit(signal);
        else if (handler != SIG_DFL)
            *caught |= signal_bit(signal);
    }
}

/* ---- execve ---- */

static bool
any_ignored(const struct action_table *table)
{
    if (table == &defaults)
        return false;
    for (size_t i = 0; i < ARRAY_LENGTH(table->of); i++) {
        if (table->of[i].handler == SIG_IGN)
            return true;
    }
    return false;
}

/* A table without ignored signals is replaced by the constant one; any other will be written to. */
int
actions_own(struct actions **actions)
{
    struct actions *own, *shared = *actions;

    if (shared->refs > 1) {
        own = actions_fork(shared);
        if (own == NULL)
            return -ENOMEM;
        *actions = own;
        actions_put(shared);
    }
    return any_ignored((*actions)->table) ? own_table(*actions) : 0;
}

void
actions_reset(struct actions *actions)
{
    struct action_table *table = actions->table;

    if (!any_ignored(table)) {
        defaults.refs++;
        actions->table = &defaults;
        table_put(table);
        return;
    }
    ASSERT(table->refs == 1);
    for (size_t i = 0; i < ARRAY_LENGTH(table->of); i++) {
        bool ignored = table->of[i].handler == SIG_IGN;

        table->of[i] = (struct action){.handler = ignored ? SIG_IGN : SIG_DFL};
    }
}
