/* test_commit.c - what may be promised in each mode. */
#include "commit.h"
#include "testing.h"

static enum commit_mode usual;

static void
begin(enum commit_mode mode)
{
    usual = commit_mode();
    commit_set_mode(mode);
}

static void
end(void)
{
    commit_set_mode(usual);
}

KTEST(commit, heuristic)
{
    unsigned long before = commit_charged();

    begin(COMMIT_HEURISTIC);
    bool one = commit_charge(1), most = commit_charge(commit_limit());
    bool again = commit_charge(commit_limit()); /* each alone is possible */
    bool all = commit_charge(pmm_managed_frames() + 1), huge = commit_charge(~0ul);
    end();
    CHECK(one && most && again && !all && !huge);
    CHECK_EQ(commit_charged(), before + 1 + 2 * commit_limit());
    commit_release(1 + 2 * commit_limit());
    CHECK_EQ(commit_charged(), before);
}

KTEST(commit, always)
{
    unsigned long before = commit_charged();

    begin(COMMIT_ALWAYS);
    bool good = commit_charge(4 * pmm_managed_frames());
    end();
    CHECK(good);
    commit_release(4 * pmm_managed_frames());
    CHECK_EQ(commit_charged(), before);
}

KTEST(commit, strict_to_the_page)
{
    unsigned long before = commit_charged(), room = commit_limit() - before;

    begin(COMMIT_STRICT);
    bool more = commit_charge(room + 1), most = commit_charge(room), one = commit_charge(1);
    bool none = commit_charge(0), huge = commit_charge(~0ul); /* the sum would wrap */
    end();
    CHECK(!more && !huge && most && !one && none);
    CHECK_EQ(commit_charged(), commit_limit());
    commit_restore(1); /* promised before: now there is less than nothing left */
    begin(COMMIT_STRICT);
    one = commit_charge(1), none = commit_charge(0);
    end();
    CHECK(!one && none);
    commit_release(room + 1);
    CHECK_EQ(commit_charged(), before);
}

/* What a looser mode promised counts against the stricter one. */
KTEST(commit, from_loose_to_strict)
{
    begin(COMMIT_ALWAYS);
    bool over = commit_charge(2 * commit_limit());
    commit_set_mode(COMMIT_STRICT);
    bool one = commit_charge(1);
    commit_release(2 * commit_limit());
    bool then = commit_charge(1);
    end();
    CHECK(over && !one && then);
    commit_release(1);
}

KTEST(commit, strict_never_exceeds)
{
    static unsigned long held[32];
    uint32_t state = ktest_seed(), refused = 0;
    bool exceeded = false;

    begin(COMMIT_STRICT);
    for (unsigned step = 0; step < 2000; step++) {
        unsigned long *pages = &held[random_below(&state, ARRAY_LENGTH(held))];
        commit_release(*pages);
        *pages = ktest_random(&state) % (commit_limit() / 8);
        if (!commit_charge(*pages)) {
            *pages = 0;
            refused++;
        }
        exceeded |= commit_charged() > commit_limit();
    }
    end();
    for (unsigned i = 0; i < ARRAY_LENGTH(held); i++) {
        commit_release(held[i]);
        held[i] = 0;
    }
    CHECK(!exceeded);
    CHECK(refused > 100);
}

static void
release_too_much(void *unused)
{
    (void)unused;
    commit_release(commit_charged() + 1);
}

KTEST(commit, releasing_too_much)
{
    CHECK(ktest_panics(release_too_much, NULL, "assertion failed"));
}

/* The limit leaves a tenth of what programs could have, and the reserve. */
KTEST(commit, limit)
{
    CHECK(commit_limit() > 0);
    CHECK(commit_limit() < pmm_managed_frames() - pmm_managed_frames() / 16);
}
