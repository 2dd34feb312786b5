/* driver.c - feeds a fuzz target without libFuzzer: FUZZER [SEED [COUNT]] or FUZZER FILE...
 *
 * With numbers, COUNT random inputs drawn from SEED; half of them are mutations of an earlier one,
 * so that inputs near each other are tried as well. With file names, each file once (to repeat a
 * find). A target ends the program by itself when it finds something; the input is then in
 * fuzz-input.bin in the current folder.
 */
#include <string.h>
#include <time.h>
#include "target.h"

#define INPUT_MAX     4096
#define DEFAULT_COUNT 100000
#define FOUND_NAME    "fuzz-input.bin"

static uint8_t input[INPUT_MAX];
static size_t input_size;

/* xorshift64* (Marsaglia, Vigna). */
static uint64_t state;

static uint32_t
draw(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 0x2545f4914f6cdd1d) >> 32);
}

static void
draw_input(void)
{
    input_size = draw() % (draw() % 4 ? 200 : INPUT_MAX);
    for (size_t i = 0; i < input_size; i++)
        input[i] = (uint8_t)(draw() % 3 ? draw() : draw() % 4);
}

static void
mutate_input(void)
{
    for (unsigned changes = 1 + draw() % 8; changes && input_size; changes--)
        input[draw() % input_size] = (uint8_t)draw();
    if (draw() % 4 == 0)
        input_size = draw() % (input_size + 1);
}

/* Written before each run: a target that finds something does not come back. */
static void
save_input(void)
{
    FILE *file = fopen(FOUND_NAME, "wb");

    if (!file || fwrite(input, 1, input_size, file) != input_size || fclose(file) != 0) {
        perror(FOUND_NAME);
        exit(1);
    }
}

static int
run_file(const char *name)
{
    FILE *file = fopen(name, "rb");

    if (!file) {
        perror(name);
        return 1;
    }
    input_size = fread(input, 1, sizeof(input), file);
    fclose(file);
    LLVMFuzzerTestOneInput(input, input_size);
    return 0;
}

int
main(int argc, char **argv)
{
    char *end = NULL;
    unsigned long long seed =
        argc > 1 ? strtoull(argv[1], &end, 0) : (unsigned long long)time(NULL);
    unsigned long count = argc > 2 ? strtoul(argv[2], NULL, 0) : DEFAULT_COUNT;

    if (end && *end != '\0') {
        int bad = 0;

        for (int i = 1; i < argc; i++)
            bad |= run_file(argv[i]);
        return bad;
    }
    printf("seed %llu, %lu inputs\n", seed, count);
    state = seed * 2 + 1;
    for (unsigned long i = 0; i < count; i++) {
        if (draw() % 2)
            draw_input();
        else
            mutate_input();
        save_input();
        LLVMFuzzerTestOneInput(input, input_size);
    }
    remove(FOUND_NAME);
    return 0;
}
