/* See dialect.h. */
#define _GNU_SOURCE /* memmem */
#include "dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEWS_LENGTH = 100, FRAME_ROOM = 1 << 16 };

static char news[NEWS_LENGTH + 1];
static uint64_t news_taken;
static char frame[FRAME_ROOM];

void dialect_expect_news(int number) {
    snprintf(news, sizeof news, "%06d", number);
    memset(news + 6, 'x', NEWS_LENGTH - 6);
}

uint64_t dialect_news_taken(void) { return news_taken; }

static const char *find(const char *data, size_t length, const char *wanted, size_t size) {
    return memmem(data, length, wanted, size);
}

static int starts(const char *data, size_t length, const char *with) {
    return length >= strlen(with) && memcmp(data, with, strlen(with)) == 0;
}

static void say(struct connection *connection, const char *text) {
    socket_queue_text(connection, text, strlen(text));
    socket_flush(connection);
}

static void take_news(struct connection *connection, const char *data, size_t length) {
    if (find(data, length, news, NEWS_LENGTH) == NULL)
        fail("connection %d: expected %.10s..., got %.*s", connection->index, news, length > 200 ? 200 : (int)length, data);
    connection->arrivals++;
    news_taken++;
}

/* The call numbered n (from 0) has the arguments n and 0.5, and one answer. */
static void take_result(struct connection *connection, uint64_t n, double value) {
    static uint8_t answered[1 << 20]; /* the lap in which n was answered last: far more than can be in flight */
    uint8_t lap = (uint8_t)(n / sizeof answered + 1);
    if (value != (double)n + 0.5) fail("the call %llu came back as %f", (unsigned long long)n, value);
    if (answered[n % sizeof answered] == lap) fail("the call %llu was answered twice", (unsigned long long)n);
    answered[n % sizeof answered] = lap;
    connection->arrivals++;
}

/* ---- plain: a frame is a payload; the bare echo, picows ---- */

static void plain_upgraded(struct connection *connection) { connection->open = 1; }

static void plain_tell(struct connection *connection, int number) {
    snprintf(frame, sizeof frame, "tell %d", number);
    say(connection, frame);
}

/* ---- a frame for each call and each result: the other libraries ---- */

struct wording {
    const char *call;       /* a format for the number, or for the number twice */
    const char *id, *value; /* what stands before them in a result */
};

static void queue_calls(const struct wording *wording, struct connection *connection, uint64_t first, int count) {
    for (unsigned long long n = first; n < first + (uint64_t)count; n++) {
        int length = snprintf(frame, sizeof frame, wording->call, n, n);
        socket_queue_text(connection, frame, (size_t)length);
    }
}

static void take_worded(const struct wording *wording, struct connection *connection, const char *data, size_t length) {
    const char *id = find(data, length, wording->id, strlen(wording->id));
    const char *value = find(data, length, wording->value, strlen(wording->value));
    if (id == NULL || value == NULL) fail("not a result: %.*s", length > 200 ? 200 : (int)length, data);
    take_result(connection, strtoull(id + strlen(wording->id), NULL, 10), strtod(value + strlen(wording->value), NULL));
}

#define WORDED(NAME, CALL, ID, VALUE) \
    static const struct wording NAME = {CALL, ID, VALUE}; \
    static void NAME##_call(struct connection *connection, uint64_t first, int count) { queue_calls(&NAME, connection, first, count); } \
    static void NAME##_result(struct connection *connection, const char *data, size_t length) { take_worded(&NAME, connection, data, length); }

WORDED(jsonrpc_single, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"add\",\"params\":[%llu,0.5]}", "\"id\":", "\"result\":")
WORDED(tutorial, "{\"id\":%llu,\"a\":%llu,\"b\":0.5}", "\"id\":", "\"result\":")
WORDED(fastapi_rpc, "{\"request\":{\"call_id\":\"%llu\",\"method\":\"add\",\"arguments\":{\"a\":%llu,\"b\":0.5}}}", "\"call_id\":\"", "\"result\":")
WORDED(acknowledged, "42%llu[\"add\",%llu,0.5]", "43", "[")

/* JSON-RPC's own batch: several calls are one array in one frame, and so are their results. */
static void jsonrpc_batch(struct connection *connection, uint64_t first, int count) {
    char *at = frame;
    *at++ = '[';
    for (unsigned long long n = first; n < first + (uint64_t)count; n++) {
        at += sprintf(at, jsonrpc_single.call, n, n);
        *at++ = n + 1 < first + (uint64_t)count ? ',' : ']';
    }
    socket_queue_text(connection, frame, (size_t)(at - frame));
}

static void jsonrpc_call(struct connection *connection, uint64_t first, int count) {
    if (count > 1) jsonrpc_batch(connection, first, count);
    else jsonrpc_single_call(connection, first, count);
}

static void jsonrpc_results(struct connection *connection, const char *data, size_t length) {
    const char *end = data + length, *next;
    for (; (next = find(data + 1, (size_t)(end - data - 1), "{", 1)) != NULL; data = next)
        jsonrpc_single_result(connection, data, (size_t)(next - data));
    jsonrpc_single_result(connection, data, (size_t)(end - data));
}

static void jsonrpc_message(struct connection *connection, const char *data, size_t length) {
    if (starts(data, length, "{")) jsonrpc_single_result(connection, data, length);
    else if (starts(data, length, "[")) jsonrpc_results(connection, data + 1, length - 1);
    else take_news(connection, data, length);
}

/* ---- socket.io: Engine.IO's handshake, then Socket.IO's ---- */

static void socketio_upgraded(struct connection *connection) { (void)connection; }

static void socketio_message(struct connection *connection, const char *data, size_t length) {
    if (starts(data, length, "0{")) say(connection, "40");
    else if (starts(data, length, "40{")) connection->open = 1;
    else if (starts(data, length, "2")) say(connection, "3");
    else if (starts(data, length, "43")) acknowledged_result(connection, data, length);
    else take_news(connection, data, length);
}

static void socketio_tell(struct connection *connection, int number) {
    snprintf(frame, sizeof frame, "42[\"tell\",%d]", number);
    say(connection, frame);
}

/* ---- webipc: hello and welcome, then numbered messages, each acknowledged by the frames that follow ---- */

static void hexadecimal(char *at) {
    for (int i = 0; i < 32; i++) at[i] = "0123456789abcdef"[random() & 15];
}

static void webipc_upgraded(struct connection *connection) {
    char link[33] = {0}, secret[33] = {0};
    hexadecimal(link);
    hexadecimal(secret);
    snprintf(frame, sizeof frame,
        "[0,0,[\"hello\",{\"link\":\"%s\",\"secret\":\"%s\",\"attempt\":1,\"received\":0,\"first\":1,\"fresh\":true,\"features\":[\"doubles\"]}]]",
        link, secret);
    say(connection, frame);
}

static void webipc_bare(struct connection *connection) {
    int length = snprintf(frame, sizeof frame, "[%llu,%llu]", (unsigned long long)connection->sent + 1, (unsigned long long)connection->received);
    socket_queue_text(connection, frame, (size_t)length);
    socket_flush(connection);
}

/* The call numbered n has the id 2n+1: a page's ids are odd. */
static void webipc_call(struct connection *connection, uint64_t first, int count) {
    char *at = frame;
    at += sprintf(at, "[%llu,%llu", (unsigned long long)connection->sent + 1, (unsigned long long)connection->received);
    for (uint64_t n = first; n < first + (uint64_t)count; n++)
        at += sprintf(at, ",[\"invoke\",%llu,\"add\",[%llu,0.5]]", (unsigned long long)(2 * n + 1), (unsigned long long)n);
    *at++ = ']';
    connection->sent += (uint64_t)count;
    socket_queue_text(connection, frame, (size_t)(at - frame));
}

static void webipc_tell(struct connection *connection, int number) {
    snprintf(frame, sizeof frame, "[%llu,%llu,[\"send\",\"tell\",[%d]]]", (unsigned long long)++connection->sent,
             (unsigned long long)connection->received, number);
    say(connection, frame);
}

static void webipc_leave(struct connection *connection) {
    snprintf(frame, sizeof frame, "[0,%llu,[\"bye\",%llu]]", (unsigned long long)connection->received, (unsigned long long)connection->sent);
    say(connection, frame);
    socket_close(connection);
}

/* Takes every result of a frame; returns how many. */
static int webipc_results(struct connection *connection, const char *data, size_t length) {
    static const char head[] = "[\"result\",";
    const char *end = data + length;
    int count = 0;
    while ((data = find(data, (size_t)(end - data), head, sizeof head - 1)) != NULL) {
        char *rest;
        uint64_t id = strtoull(data + sizeof head - 1, &rest, 10);
        take_result(connection, id / 2, strtod(rest + 1, &rest));
        data = rest;
        count++;
    }
    return count;
}

static void webipc_numbered(struct connection *connection, const char *data, size_t length, uint64_t seq) {
    int count = webipc_results(connection, data, length);
    if (count == 0) take_news(connection, data, length), count = 1;
    if (seq != connection->received + 1)
        fail("connection %d: expected message %llu, got %llu", connection->index, (unsigned long long)connection->received + 1, (unsigned long long)seq);
    connection->received += (uint64_t)count;
}

static void webipc_message(struct connection *connection, const char *data, size_t length) {
    uint64_t seq = strtoull(data + 1, NULL, 10);
    if (find(data, length, "[\"welcome\",", 11) != NULL) connection->open = 1;
    else if (find(data, length, ",[", 2) == NULL) {
        if (connection->sent == 0) webipc_bare(connection); /* the heartbeat of an idle page */
    } else if (seq == 0) fail("connection %d: refused with %.*s", connection->index, (int)length, data);
    else webipc_numbered(connection, data, length, seq);
}

/* ---- bare: the bytes of webipc's calls, echoed ---- */

static void bare_message(struct connection *connection, const char *data, size_t length) {
    if (starts(data, length, "[")) connection->arrivals++;
    else take_news(connection, data, length);
}

static const struct dialect dialects[] = {
    {"bare", "/", NULL, plain_upgraded, bare_message, webipc_call, plain_tell, socket_close},
    {"plain", "/", NULL, plain_upgraded, take_news, NULL, plain_tell, socket_close},
    {"jsonrpc", "/", NULL, plain_upgraded, jsonrpc_message, jsonrpc_call, plain_tell, socket_close},
    {"tutorial", "/", NULL, plain_upgraded, tutorial_result, tutorial_call, NULL, socket_close},
    {"fastapi_rpc", "/", NULL, plain_upgraded, fastapi_rpc_result, fastapi_rpc_call, NULL, socket_close},
    {"socketio", "/socket.io/?EIO=4&transport=websocket", NULL, socketio_upgraded, socketio_message, acknowledged_call, socketio_tell, socket_close},
    {"webipc", "/ipc/socket", "webipc.v1", webipc_upgraded, webipc_message, webipc_call, webipc_tell, webipc_leave},
};

const struct dialect *dialect_named(const char *name) {
    for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++)
        if (strcmp(dialects[i].name, name) == 0) return &dialects[i];
    fail("no dialect '%s' (dialect.c lists them)", name);
}
