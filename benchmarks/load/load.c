/*
 * The load where a JavaScript client would be the bottleneck, or a thousand connections are needed:
 *
 *     load DIALECT PORT calls SECONDS IN_FLIGHT PER_FRAME [VISITOR]
 *                                                            numbered calls on one connection; 1 and 1 is one after the other;
 *                                                            VISITOR n comes from 127.0.0.(n + 1)
 *     load DIALECT PORT crowd CONNECTIONS                    connects, prints {}, then obeys stdin: `tell COUNT`, and the end of it
 *     load DIALECT PORT idle CONNECTIONS                     connects, prints {}, then answers pings until the end of stdin
 *
 * Prints one line of JSON per job. Every answer is checked; a wrong, lost or refused one ends the process with status 1.
 * Twin: benchmarks/node/load.mjs.
 */
#include "dialect.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { LOST_AFTER_MS = 10000, OPENING_AT_ONCE = 64, TIMES = 1 << 20 };

static const struct dialect *dialect;
static double times[TIMES];

static void turn(void) {
    if (socket_turn(LOST_AFTER_MS, dialect->on_message, dialect->on_upgraded) == 0) fail("nothing came for %d ms", LOST_AFTER_MS);
}

static double processor_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           ((double)usage.ru_utime.tv_usec + (double)usage.ru_stime.tv_usec) * 1e-6;
}

static int ascending(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return difference < 0 ? -1 : difference > 0;
}

static double percentile(size_t count, double share) { return times[(size_t)(share * (double)(count - 1))]; }

static struct connection *join(int index, int port) {
    return socket_connect(index, port, dialect->path, dialect->subprotocol);
}

/* Closes every connection; the kernel delivers this after the process has ended. */
static void leave_all(struct connection **all, int count) {
    for (int i = 0; i < count; i++) dialect->leave(all[i]);
    fflush(stdout);
    _exit(0);
}

/* ---- calls ---- */

struct calls {
    struct connection *connection;
    uint64_t asked, in_flight;
    int per_frame;
};

/* The bare echo answers a frame, webipc each call: what one arrival is worth. */
static uint64_t answered(const struct calls *calls) {
    uint64_t each = strcmp(dialect->name, "bare") == 0 ? (uint64_t)calls->per_frame : 1;
    return calls->connection->arrivals * each;
}

static void ask(struct calls *calls) {
    while (calls->asked + (uint64_t)calls->per_frame <= answered(calls) + calls->in_flight) {
        dialect->call(calls->connection, calls->asked, calls->per_frame);
        calls->asked += (uint64_t)calls->per_frame;
    }
    socket_flush(calls->connection);
}

/* Runs until `end`; with one call in flight it notes how long each took. Returns the number of times noted. */
static size_t run_until(struct calls *calls, double end) {
    size_t noted = 0;
    for (;;) {
        double start = now_seconds();
        if (start >= end) return noted;
        ask(calls);
        uint64_t before = calls->connection->arrivals;
        while (calls->connection->arrivals == before) turn();
        if (calls->in_flight == 1 && noted < TIMES) times[noted++] = (now_seconds() - start) * 1e6;
    }
}

static void report_calls(uint64_t count, uint64_t total, double seconds, double busy, size_t noted) {
    qsort(times, noted, sizeof *times, ascending);
    printf("{\"count\":%llu,\"total\":%llu,\"seconds\":%.6f,\"busy\":%.3f", (unsigned long long)count, (unsigned long long)total, seconds, busy);
    if (noted > 0) printf(",\"p50\":%.2f,\"p99\":%.2f", percentile(noted, 0.5), percentile(noted, 0.99));
    puts("}");
}

static void job_calls(int port, double seconds, int in_flight, int per_frame, int visitor) {
    struct calls calls = {.connection = join(visitor, port), .in_flight = (uint64_t)in_flight, .per_frame = per_frame};
    while (!calls.connection->open) turn();
    run_until(&calls, now_seconds() + seconds / 4);
    uint64_t before = answered(&calls);
    double start = now_seconds(), processor = processor_seconds();
    size_t noted = run_until(&calls, start + seconds);
    double took = now_seconds() - start, busy = (processor_seconds() - processor) / took;
    uint64_t count = answered(&calls) - before;
    while (answered(&calls) < calls.asked) turn();
    report_calls(count, answered(&calls), took, busy, noted);
    leave_all(&calls.connection, 1);
}

/* ---- crowd ---- */

static struct connection **gather(int port, int count) {
    struct connection **all = calloc((size_t)count, sizeof *all);
    int open = 0;
    for (int begun = 0; open < count;) {
        while (begun < count && begun - open < OPENING_AT_ONCE) all[begun] = join(begun, port), begun++;
        turn();
        while (open < begun && all[open]->open) open++;
    }
    return all;
}

/* Asks for one broadcast, and waits for it on every connection. Returns milliseconds. */
static double tell_once(struct connection **all, int count, int number) {
    uint64_t expected = (uint64_t)number * (uint64_t)count;
    dialect_expect_news(number);
    double start = now_seconds();
    dialect->tell(all[0], number);
    while (dialect_news_taken() < expected) turn();
    double took = (now_seconds() - start) * 1e3;
    for (int i = 0; i < count; i++)
        if (all[i]->arrivals != (uint64_t)number) fail("connection %d: told %llu times, not %d", i, (unsigned long long)all[i]->arrivals, number);
    return took;
}

static void job_crowd(int port, int count) {
    struct connection **all = gather(port, count);
    puts("{}");
    fflush(stdout);
    int told = 0, more;
    char line[64];
    while (fgets(line, sizeof line, stdin) != NULL && sscanf(line, "tell %d", &more) == 1) {
        for (int i = 0; i < more; i++) times[i] = tell_once(all, count, ++told);
        qsort(times, (size_t)more, sizeof *times, ascending);
        printf("{\"count\":%d,\"p50\":%.3f,\"p99\":%.3f}\n", more, percentile((size_t)more, 0.5), percentile((size_t)more, 0.99));
        fflush(stdout);
    }
    leave_all(all, count);
}

/* Idle pages: nothing is sent but the answers that a server's pings and heartbeats ask for. */
static void job_idle(int port, int count) {
    struct connection **all = gather(port, count);
    puts("{}");
    fflush(stdout);
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    while (poll(&input, 1, 0) == 0) socket_turn(100, dialect->on_message, dialect->on_upgraded);
    leave_all(all, count);
}

int main(int count, char **words) {
    if (count < 5) fail("usage: load DIALECT PORT calls SECONDS IN_FLIGHT PER_FRAME [VISITOR] | load DIALECT PORT crowd|idle CONNECTIONS");
    dialect = dialect_named(words[1]);
    int port = atoi(words[2]);
    srandom((unsigned)getpid());
    socket_loop_open();
    if (strcmp(words[3], "crowd") == 0) job_crowd(port, atoi(words[4]));
    if (strcmp(words[3], "idle") == 0) job_idle(port, atoi(words[4]));
    if (strcmp(words[3], "calls") == 0 && (count == 7 || count == 8))
        job_calls(port, atof(words[4]), atoi(words[5]), atoi(words[6]), count == 8 ? atoi(words[7]) : 0);
    fail("unknown job '%s', or too few words for it", words[3]);
}
