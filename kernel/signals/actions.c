/* actions.c - what a process does on which signal.
 *
 *   process ──► struct actions ──► struct action_table: 64 handlers
 *   process ──┘ (CLONE_SIGHAND)        ▲
 *   child ────► struct actions ────────┘ until parent or child changes one
 *
 * The table of a process that never asked for anything is a constant one that all share, so that a
 * fork copies nothing and an ordinary program has none of its own.
 *
 * Lock: signals_lock, of the actions that lead to a table. Who is alone with a table has it for
 * itself as long as it holds that: others come to it by these actions only.
 */
#include "kmalloc.h"
#include "signal_private.h"

/* Not counted: it is never freed, and no CPU waits for another to count it. */
static struct action_table defaults;

static struct action_table *
table_get(struct action_table *table)
{
    if (table != &defaults)
        (void)__atomic_add_fetch(&table->refs, 1, __ATOMIC_RELAXED);
    return table;
}

static void
table_put(struct action_table *table)
{
    if (table != &defaults && __atomic_sub_fetch(&table->refs, 1, __ATOMIC_ACQ_REL) == 0)
        kfree(table);
}

struct actions *
actions_create(void)
{
    struct actions *actions = kmalloc(sizeof(*actions));

    if (actions != NULL)
        *actions = (struct actions){.refs = 1, .table = &defaults};
    return actions;
}

struct actions *
actions_fork(struct actions *like)
{
    struct actions *actions = actions_create();
    unsigned long state;

    if (actions == NULL)
        return NULL;
    state = spin_lock(&like->lock);
    actions->table = table_get(like->table);
    spin_unlock(&like->lock, state);
    return actions;
}

void
actions_get(struct actions *actions)
{
    (void)__atomic_add_fetch(&actions->refs, 1, __ATOMIC_RELAXED);
}

void
actions_put(struct actions *actions)
{
    if (__atomic_sub_fetch(&actions->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    table_put(actions->table);
    kfree(actions);
}

static bool
has_own_table(const struct actions *actions)
{
    return actions->table != &defaults &&
           __atomic_load_n(&actions->table->refs, __ATOMIC_ACQUIRE) == 1;
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

/* Takes the lock with a table that nobody else has. 0, or -ENOMEM without the lock. */
static int
lock_own_table(struct actions *actions, unsigned long *state)
{
    struct action_table *own;

    *state = spin_lock(&actions->lock);
    if (has_own_table(actions))
        return 0;
    spin_unlock(&actions->lock, *state);
    own = kmalloc(sizeof(*own));
    if (own == NULL)
        return -ENOMEM;
    *state = spin_lock(&actions->lock);
    use_table(actions, own);
    return 0;
}

struct action
action_get(const struct process *process, int signal)
{
    unsigned long state = signals_lock(process);
    struct action action = *action_of(process->actions, signal);

    signals_unlock(process, state);
    return action;
}

struct action
action_now(int signal)
{
    return action_get(task_current()->process, signal);
}

int
action_set(struct actions *actions, int signal, const struct action *action)
{
    unsigned long state;

    if (lock_own_table(actions, &state) != 0)
        return -ENOMEM;
    actions->table->of[signal - 1] = *action;
    spin_unlock(&actions->lock, state);
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
    unsigned long state;

    *ignored = *caught = 0;
    if (process->actions == NULL)
        return;
    state = signals_lock(process);
    for (int signal = 1; signal <= SIGNALS; signal++) {
        uint32_t handler = action_of(process->actions, signal)->handler;

        if (handler == SIG_IGN)
            *ignored |= signal_bit(signal);
        else if (handler != SIG_DFL)
            *caught |= signal_bit(signal);
    }
    signals_unlock(process, state);
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
    own = *actions;
    if (lock_own_table(own, &state) != 0)
        return -ENOMEM;
    spin_unlock(&own->lock, state);
    return 0;
}

/* Nobody else has these actions: others find them by process_lock. */
void
actions_reset(struct actions *actions)
{
    struct action_table *table = actions->table;

    if (!any_ignored(table)) {
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
