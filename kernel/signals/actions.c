/* actions.c - what a process does on which signal.
 *
 *   process ──► struct actions ──► struct action_table: 64 handlers
 *   process ──┘ (CLONE_SIGHAND)        ▲
 *   child ────► struct actions ────────┘ until parent or child changes one
 *
 * The table of a process that never asked for anything is a constant one that all share, so that a
 * fork copies nothing and an ordinary program has none of its own.
 *
 * Lock: process_lock, for the counts too, as who sends a signal looks at another's table.
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

/* With the table of `like`, or the constant one when that is NULL. */
static struct actions *
create(const struct actions *like)
{
    struct actions *actions = kmalloc(sizeof(*actions));
    unsigned long state;

    if (actions == NULL)
        return NULL;
    state = spin_lock(&process_lock);
    *actions = (struct actions){.refs = 1, .table = like != NULL ? like->table : &defaults};
    actions->table->refs++;
    spin_unlock(&process_lock, state);
    return actions;
}

struct actions *
actions_create(void)
{
    return create(NULL);
}

struct actions *
actions_fork(struct actions *actions)
{
    return create(actions);
}

void
actions_get(struct actions *actions)
{
    unsigned long state = spin_lock(&process_lock);

    actions->refs++;
    spin_unlock(&process_lock, state);
}

void
actions_put(struct actions *actions)
{
    unsigned long state = spin_lock(&process_lock);

    if (--actions->refs == 0) {
        table_put(actions->table);
        kfree(actions);
    }
    spin_unlock(&process_lock, state);
}

static bool
has_own_table(const struct actions *actions)
{
    return actions->table->refs == 1 && actions->table != &defaults;
}

/* Has the actions use `own`, memory for a table, in place of the table that others have too. Locked.
 */
static void
use_table(struct actions *actions, struct action_table *own)
{
    struct action_table *shared = actions->table;

    *own = *shared;
    own->refs = 1;
    actions->table = own;
    table_put(shared);
}

/* Takes process_lock with a table that nobody else has. 0, or -ENOMEM without the lock. */
static int
lock_own_table(struct actions *actions, unsigned long *state)
{
    struct action_table *own;

    *state = spin_lock(&process_lock);
    if (has_own_table(actions))
        return 0;
    spin_unlock(&process_lock, *state);
    own = kmalloc(sizeof(*own));
    if (own == NULL)
        return -ENOMEM;
    *state = spin_lock(&process_lock);
    use_table(actions, own);
    return 0;
}

struct action
action_now(int signal)
{
    unsigned long state = spin_lock(&process_lock);
    struct action action = *action_of(task_current()->process->actions, signal);

    spin_unlock(&process_lock, state);
    return action;
}

int
action_set(struct actions *actions, int signal, const struct action *action)
{
    unsigned long state;

    if (lock_own_table(actions, &state) != 0)
        return -ENOMEM;
    actions->table->of[signal - 1] = *action;
    spin_unlock(&process_lock, state);
    return 0;
}

int
action_reset(struct actions *actions, int signal)
{
    if (!has_own_table(actions)) {
        struct action_table *own = kmalloc(sizeof(*own));

        if (own == NULL)
            return -ENOMEM;
        use_table(actions, own);
    }
    actions->table->of[signal - 1].handler = SIG_DFL;
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
    unsigned long state;

    if (shared->refs > 1) {
        own = actions_fork(shared);
        if (own == NULL)
            return -ENOMEM;
        state = spin_lock(&process_lock);
        *actions = own;
        spin_unlock(&process_lock, state);
        actions_put(shared);
    }
    if (!any_ignored((*actions)->table))
        return 0;
    if (lock_own_table(*actions, &state) != 0)
        return -ENOMEM;
    spin_unlock(&process_lock, state);
    return 0;
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
