/*
 * One WebSocket client connection (RFC 6455), non-blocking, for many at once in one epoll loop.
 * It knows frames and the opening handshake; their content is dialect.c's. Anything unexpected ends the
 * process: a load that has errors measures nothing.
 */
#ifndef SOCKET_H
#define SOCKET_H

#include <stddef.h>
#include <stdint.h>

struct buffer {
    char *data;
    size_t length, capacity, begin; /* the bytes from `begin` to `length` are still to be used */
};

struct connection {
    int fd, upgraded, open, wants_write, index;
    struct buffer in, out;
    uint64_t sent, received; /* numbers of the last message in either direction: webipc's link */
    uint64_t arrivals;       /* what the job counts: results, or broadcasts */
};

/* Called for each whole text or binary message; the bytes are valid only during the call. */
typedef void (*on_message)(struct connection *connection, const char *data, size_t length);

_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
double now_seconds(void);

void socket_loop_open(void);
struct connection *socket_connect(int index, int port, const char *path, const char *subprotocol);
void socket_queue_text(struct connection *connection, const char *text, size_t length);
void socket_flush(struct connection *connection);
void socket_close(struct connection *connection);

/* Handles received data of all connections, waiting for at most `timeout_ms` (-1: for ever). Returns the number of events. */
int socket_turn(int timeout_ms, on_message handler, void (*on_upgraded)(struct connection *));

#endif
