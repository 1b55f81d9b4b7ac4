/*
 * The wire format of each subject: the opening of a connection, a numbered call, the request for a broadcast, and the
 * checks of the answers. Values are checked on every message, also during the timing.
 */
#ifndef DIALECT_H
#define DIALECT_H

#include "socket.h"

struct dialect {
    const char *name, *path, *subprotocol;
    void (*on_upgraded)(struct connection *);
    on_message on_message;
    void (*call)(struct connection *, uint64_t first, int count); /* queues calls numbered from `first`, in one frame where it can */
    void (*tell)(struct connection *, int number);                /* requests a broadcast */
    void (*leave)(struct connection *);                           /* closes the connection in order */
};

/* The dialect with that name; ends the process when there is none. */
const struct dialect *dialect_named(const char *name);

/* The expected broadcast with this number: 100 bytes. Twin: PAYLOAD in benchmarks/subjects/serve.py. */
void dialect_expect_news(int number);

/* The number of broadcasts received, on all connections. */
uint64_t dialect_news_taken(void);

#endif
