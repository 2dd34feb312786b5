/* threads.c - threads of a C library: create, join, mutex, condition, thread-local and heap memory.
 *
 * A mutex counter, a chain of threads that hand a number on by a condition, and threads that fill
 * and check heap blocks of their own. All of it must come out the same, however they are scheduled.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS  8
#define ROUNDS   2000
#define HANDOVER 400

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned long counter;
static unsigned turn;
static __thread unsigned long own;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned started;

static void
start_once(void)
{
    started++;
}

static void *
count(void *arg)
{
    unsigned number = (unsigned)(uintptr_t)arg;

    pthread_once(&once, start_once);
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&lock);
        counter += number;
        pthread_mutex_unlock(&lock);
        own += number;
    }
    return (void *)(uintptr_t)own;
}

/* Waits until it is its turn, HANDOVER times. */
static void *
take_turns(void *arg)
{
    unsigned number = (unsigned)(uintptr_t)arg;

    for (unsigned i = 0; i < HANDOVER; i++) {
        pthread_mutex_lock(&lock);
        while (turn % THREADS != number)
            pthread_cond_wait(&changed, &lock);
        turn++;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void *
use_heap(void *arg)
{
    unsigned number = (unsigned)(uintptr_t)arg;
    unsigned long bad = 0;

    for (unsigned i = 1; i <= 200; i++) {
        size_t size = (i * 7919 + number * 104729) % 60000 + 1;
        unsigned char *block = malloc(size);

        memset(block, (int)(number + i), size);
        for (size_t at = 0; at < size; at += 997)
            bad += block[at] != (unsigned char)(number + i);
        free(block);
    }
    return (void *)(uintptr_t)bad;
}

/* Runs a function in all threads at once; the sum of what they return. */
static unsigned long
together(void *(*run)(void *))
{
    pthread_t threads[THREADS];
    unsigned long sum = 0;

    for (uintptr_t i = 0; i < THREADS; i++) {
        int error = pthread_create(&threads[i], NULL, run, (void *)i);

        if (error) {
            printf("thread %u: %s\n", (unsigned)i, strerror(error));
            exit(1);
        }
    }
    for (unsigned i = 0; i < THREADS; i++) {
        void *result;

        pthread_join(threads[i], &result);
        sum += (uintptr_t)result;
    }
    return sum;
}

int
main(void)
{
    unsigned long sum = together(count);

    printf("counted %lu, own sums %lu, once %u\n", counter, sum, started);
    together(take_turns);
    printf("turns %u\n", turn);
    printf("bad bytes %lu\n", together(use_heap));
    return 0;
}
