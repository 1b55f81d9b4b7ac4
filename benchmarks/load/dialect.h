/*
 * What each subject's frames say: how a connection opens, what a numbered call and the wish to tell everybody look like,
 * and how what comes back is recognised and checked. Values are checked here, on every message, also while time is taken.
 */
#ifndef DIALECT_H
#define DIALECT_H

#include "socket.h"

struct dialect {
    const char *name, *path, *subprotocol;
    void (*on_upgraded)(struct connection *);
    on_message on_message;
    void (*call)(struct connection *, uint64_t first, int count); /* queues calls numbered from `first`, in one frame where it can */
    void (*tell)(struct connection *, int number);                /* asks the server to tell everybody */
    void (*leave)(struct connection *);                           /* says goodbye and closes */
};

/* The dialect with that name; ends the process when there is none. */
const struct dialect *dialect_named(const char *name);

/* What everybody is told under a number: 100 bytes. Twin: PAYLOAD in benchmarks/subjects/serve.py. */
void dialect_expect_news(int number);

/* How many of them have come, on all connections together. */
uint64_t dialect_news_taken(void);

#endif
