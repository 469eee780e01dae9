/* What both sinks share: one thread, epoll, connections with a growing buffer, loopback only. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM 131072 /* bytes that are free in a buffer before each read */

typedef struct {
    int fd;
    char *in;
    size_t start, end, size; /* what was read and not yet looked at lies between start and end */
    char *out;
    size_t out_end, out_size;
    size_t need, scanned;    /* HTTP: bytes of the request; SMTP: how far a message's end was looked for */
    int in_message;
} Connection;

static unsigned long long messages, calls, bytes_in;
static volatile sig_atomic_t stopping, asked;

static void greet(Connection *c);
static int consume(Connection *c); /* looks at what was read; returns 0 when the connection is over */

static void say(Connection *c, const char *data, size_t length) {
    if (c->out_end + length > c->out_size) {
        c->out_size = (c->out_end + length) * 2;
        c->out = realloc(c->out, c->out_size);
    }
    memcpy(c->out + c->out_end, data, length);
    c->out_end += length;
}

static void say_text(Connection *c, const char *text) { say(c, text, strlen(text)); }

static void flush_out(Connection *c) {
    for (size_t at = 0; at < c->out_end;) {
        ssize_t written = write(c->fd, c->out + at, c->out_end - at);
        if (written < 0 && errno != EAGAIN) break;
        if (written < 0) usleep(50);
        else at += written;
    }
    c->out_end = 0;
}

static void make_room(Connection *c) {
    if (c->start) {
        memmove(c->in, c->in + c->start, c->end - c->start);
        c->scanned -= c->scanned < c->start ? c->scanned : c->start;
        c->end -= c->start;
        c->start = 0;
    }
    if (c->size - c->end < ROOM + 1) {
        c->size = c->end * 2 + ROOM + 1;
        c->in = realloc(c->in, c->size);
    }
}

static void accept_all(int listener, int poll) {
    int one = 1, fd;
    while ((fd = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        Connection *c = calloc(1, sizeof *c);
        c->fd = fd;
        greet(c);
        flush_out(c);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
    }
}

static void serve(Connection *c) {
    if (c->size - c->end < ROOM + 1) make_room(c);
    ssize_t got = read(c->fd, c->in + c->end, ROOM);
    int open = got > 0 || (got < 0 && errno == EAGAIN);
    if (got > 0) {
        c->end += got;
        c->in[c->end] = 0;
        open = consume(c);
        if (c->start == c->end) c->start = c->end = c->scanned = 0;
    }
    flush_out(c);
    if (open) return;
    close(c->fd);
    free(c->in);
    free(c->out);
    free(c);
}

static void count(void) {
    fprintf(stderr, "{\"messages\": %llu, \"calls\": %llu, \"bytes\": %llu}\n", messages, calls, bytes_in);
    fflush(stderr);
}

static void on_signal(int number) {
    if (number == SIGUSR1) asked = 1;
    else stopping = 1;
}

/* Serves until SIGTERM; SIGUSR1 and the end print the counts. Prints the port once it listens. */
static int run(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, 0);
    sigaction(SIGUSR1, &action, 0);
    signal(SIGPIPE, SIG_IGN);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 1024)) {
        perror("bind");
        return 1;
    }
    getsockname(listener, (void *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    int poll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, ready[256];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    while (!stopping) {
        int found = epoll_wait(poll, ready, 256, -1);
        if (asked) {
            asked = 0;
            count();
        }
        for (int i = 0; i < found; i++) {
            if (ready[i].data.ptr) serve(ready[i].data.ptr);
            else accept_all(listener, poll);
        }
    }
    count();
    return 0;
}
