/* memtour.c - a guided tour of a program's memory: each step does something and tells what the
 * kernel did about it, from what the kernel says of itself in /proc.
 *
 *     memtour           all steps in order
 *     memtour STEP...   some
 *     memtour -p ...    waits for Enter between them
 *     memtour seed      the smallest demonstration of brk and mmap, without words
 *     memtour list      the steps
 *
 * Exit status 0: all memory held what it should.
 */
#include "memtour/tour.h"

static const struct step steps[] = {
    {"brk", "The heap: an end that moves", brk_step},
    {"lazy", "A mapping: promised, and filled when touched", lazy_step},
    {"zero", "Reading what was never written", zero_step},
    {"unmap", "Giving a part back", unmap_step},
    {"protect", "Rights: areas cut and joined", protect_step},
    {"discard", "Keeping the area, giving back its pages", discard_step},
    {"cow", "fork: copied when written to", cow_step},
    {"shared", "fork: really shared", shared_step},
    {"cpus", "Two CPUs: a page that one takes away", cpus_step},
    {"stack", "The stack: grows by itself, up to its limit", stack_step},
    {"guard", "A fault that the program mends", guard_step},
    {"file", "Files as memory", file_step},
};

static bool paced; /* -p */
static struct reader input; /* standard input */

/* Lets the reader read. False when that is enough. */
static bool
wait_for_reader(void)
{
    char line[8];

    print("Enter: the next step; q: no more. ");
    print_flush();
    return read_line(&input, line, sizeof(line)) && line[0] != 'q';
}

static bool
run_step(const struct step *step, size_t number)
{
    static bool begun, ok = true;

    if (paced && begun && !wait_for_reader())
        exit(ok ? 0 : 1);
    begun = true;
    print("%zu. %s (%s)\n", number, step->title, step->name);
    ok &= step->run();
    print("\n");
    return ok;
}

static bool
run_named(const char *name)
{
    if (strcmp(name, "seed") == 0)
        return seed_step();
    for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
        if (strcmp(name, steps[i].name) == 0)
            return run_step(&steps[i], i + 1);
    }
    die("no step %s; memtour list shows them", name);
}

static int
list_steps(void)
{
    for (size_t i = 0; i < ARRAY_LENGTH(steps); i++)
        print("%-10s %s\n", steps[i].name, steps[i].title);
    return 0;
}

int
main(int argc, char **argv)
{
    struct options options = {.argv = argv + 1};
    bool ok = true;
    int option;

    (void)argc;
    while ((option = next_option(&options, "p"))) {
        if (option == '?')
            die("usage: memtour [-p] [STEP...]; memtour list names the steps");
        paced = true;
    }
    if (*options.argv && strcmp(*options.argv, "list") == 0)
        return list_steps();
    for (char **name = options.argv; *name; name++)
        ok &= run_named(*name);
    for (size_t i = 0; !*options.argv && i < ARRAY_LENGTH(steps); i++)
        ok &= run_step(&steps[i], i + 1);
    return ok ? 0 : 1;
}
