/* See socket.h. */
#include "socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10, READ_SIZE = 1 << 18, EVENTS = 256 };

static int loop_fd = -1;

void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

double now_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static char *room(struct buffer *buffer, size_t more) {
    if (buffer->begin == buffer->length) buffer->begin = buffer->length = 0;
    if (buffer->length + more > buffer->capacity) {
        buffer->capacity = (buffer->length + more) * 2;
        buffer->data = realloc(buffer->data, buffer->capacity);
        if (buffer->data == NULL) fail("out of memory");
    }
    return buffer->data + buffer->length;
}

void socket_loop_open(void) {
    loop_fd = epoll_create1(0);
    if (loop_fd < 0) fail("epoll_create1: %s", strerror(errno));
}

static void watch(struct connection *connection, int operation) {
    struct epoll_event event = {.events = EPOLLIN | (connection->wants_write ? EPOLLOUT : 0u), .data.ptr = connection};
    if (epoll_ctl(loop_fd, operation, connection->fd, &event) < 0) fail("epoll_ctl: %s", strerror(errno));
}

/* What a browser sends besides, because a server may keep it for as long as the connection lives. */
static const char browser_headers[] =
    "Connection: Upgrade\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9,de;q=0.8\r\n"
    "Cookie: theme=dark; session=3f2b8c0e5d7a4916b2c8e0f1a3d5c7e9f0b1a2c3d4e5f607\r\n";

static void queue_handshake(struct connection *connection, int port, const char *path, const char *subprotocol) {
    char *at = room(&connection->out, 2048);
    int length = snprintf(at, 2048,
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nOrigin: http://127.0.0.1:%d\r\nUpgrade: websocket\r\n%s"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s%s%s\r\n",
        path, port, port, browser_headers, subprotocol ? "Sec-WebSocket-Protocol: " : "", subprotocol ? subprotocol : "",
        subprotocol ? "\r\n" : "");
    connection->out.length += (size_t)length;
}

/* Binds to one of 200 addresses, by the index: a server may bound what one address holds, and a crowd is many visitors. */
static void bind_to_visitor(int fd, int index) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(index % 200));
    int yes = 1;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("connection %d: bind: %s", index, strerror(errno));
}

struct connection *socket_connect(int index, int port, const char *path, const char *subprotocol) {
    struct connection *connection = calloc(1, sizeof *connection);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connection->index = index;
    connection->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connection->fd < 0) fail("connection %d: %s", index, strerror(errno));
    bind_to_visitor(connection->fd, index);
    if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) < 0)
        fail("connection %d: %s", index, strerror(errno));
    int yes = 1;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    watch(connection, EPOLL_CTL_ADD);
    queue_handshake(connection, port, path, subprotocol);
    socket_flush(connection);
    return connection;
}

/* A header for a masked frame that is final; a client has to mask, with a key that is not constant. */
static size_t write_header(unsigned char *at, int opcode, size_t length, const unsigned char key[4]) {
    size_t size = 2;
    at[0] = (unsigned char)(0x80 | opcode);
    if (length < 126) {
        at[1] = (unsigned char)(0x80 | length);
    } else if (length < 65536) {
        at[1] = 0x80 | 126;
        at[2] = (unsigned char)(length >> 8);
        at[3] = (unsigned char)length;
        size = 4;
    } else {
        fail("a frame of %zu bytes is more than this load sends", length);
    }
    memcpy(at + size, key, 4);
    return size + 4;
}

static void queue_frame(struct connection *connection, int opcode, const char *text, size_t length) {
    static uint32_t state = 2463534242u;
    state ^= state << 13, state ^= state >> 17, state ^= state << 5;
    unsigned char key[4];
    memcpy(key, &state, 4);
    unsigned char *at = (unsigned char *)room(&connection->out, length + 8);
    size_t header = write_header(at, opcode, length, key);
    for (size_t i = 0; i < length; i++) at[header + i] = (unsigned char)text[i] ^ key[i & 3];
    connection->out.length += header + length;
}

void socket_queue_text(struct connection *connection, const char *text, size_t length) {
    queue_frame(connection, TEXT, text, length);
}

void socket_flush(struct connection *connection) {
    struct buffer *out = &connection->out;
    while (out->begin < out->length) {
        ssize_t sent = send(connection->fd, out->data + out->begin, out->length - out->begin, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) break;
        if (sent < 0) fail("connection %d: %s", connection->index, strerror(errno));
        out->begin += (size_t)sent;
    }
    int wants_write = out->begin < out->length;
    if (wants_write == connection->wants_write) return;
    connection->wants_write = wants_write;
    watch(connection, EPOLL_CTL_MOD);
}

void socket_close(struct connection *connection) {
    queue_frame(connection, CLOSE, "\x03\xe8", 2);
    socket_flush(connection);
    shutdown(connection->fd, SHUT_WR);
}

static int take_handshake(struct connection *connection) {
    struct buffer *in = &connection->in;
    room(in, 1)[0] = 0;
    char *end = strstr(in->data + in->begin, "\r\n\r\n");
    if (end == NULL) return 0;
    if (strncmp(in->data + in->begin, "HTTP/1.1 101", 12) != 0) fail("refused: %.200s", in->data + in->begin);
    in->begin = (size_t)(end + 4 - in->data);
    connection->upgraded = 1;
    return 1;
}

/* The size of the frame's header, and of what follows it; 0 while the header is not whole. */
static size_t read_header(const unsigned char *at, size_t available, size_t *length) {
    if (available < 2) return 0;
    size_t bytes = (at[1] & 127) == 126 ? 2 : (at[1] & 127) == 127 ? 8 : 0;
    if (available < 2 + bytes) return 0;
    *length = bytes ? 0 : (size_t)(at[1] & 127);
    for (size_t i = 0; i < bytes; i++) *length = *length << 8 | at[2 + i];
    return 2 + bytes;
}

static void take_message(struct connection *connection, unsigned char first, const char *data, size_t length, on_message handler) {
    int opcode = first & 15;
    if (!(first & 0x80)) fail("connection %d: a fragmented message, which no subject sends", connection->index);
    if (opcode == TEXT || opcode == BINARY) handler(connection, data, length);
    else if (opcode == PING) queue_frame(connection, PONG, data, length), socket_flush(connection);
    else if (opcode == CLOSE)
        fail("connection %d: closed with %d %.*s", connection->index, length < 2 ? 1005 : (unsigned char)data[0] << 8 | (unsigned char)data[1],
             length > 2 ? (int)length - 2 : 0, data + 2);
}

static void take_frames(struct connection *connection, on_message handler) {
    struct buffer *in = &connection->in;
    for (;;) {
        size_t length, available = in->length - in->begin;
        const unsigned char *at = (unsigned char *)in->data + in->begin;
        size_t header = read_header(at, available, &length);
        if (header == 0 || available < header + length) break;
        in->begin += header + length;
        take_message(connection, at[0], (const char *)at + header, length, handler);
    }
    if (in->begin > 0 && in->begin < in->length) {
        memmove(in->data, in->data + in->begin, in->length - in->begin);
        in->length -= in->begin;
        in->begin = 0;
    }
}

static void take_bytes(struct connection *connection, on_message handler, void (*on_upgraded)(struct connection *)) {
    static char scratch[READ_SIZE]; /* shared, so that a thousand idle connections hold no buffers of their own */
    ssize_t count = recv(connection->fd, scratch, sizeof scratch, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) fail("connection %d: %s", connection->index, count < 0 ? strerror(errno) : "the server hung up");
    memcpy(room(&connection->in, (size_t)count + 1), scratch, (size_t)count);
    connection->in.length += (size_t)count;
    if (!connection->upgraded) {
        if (!take_handshake(connection)) return;
        on_upgraded(connection);
    }
    take_frames(connection, handler);
}

int socket_turn(int timeout_ms, on_message handler, void (*on_upgraded)(struct connection *)) {
    static struct epoll_event events[EVENTS];
    int count = epoll_wait(loop_fd, events, EVENTS, timeout_ms);
    for (int i = 0; i < count; i++) {
        struct connection *connection = events[i].data.ptr;
        if (events[i].events & EPOLLOUT) socket_flush(connection);
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) take_bytes(connection, handler, on_upgraded);
    }
    return count < 0 ? 0 : count;
}
