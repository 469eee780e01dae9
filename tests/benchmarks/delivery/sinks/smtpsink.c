/* A mail server that takes everything and keeps nothing: PIPELINING, 8BITMIME, SMTPUTF8.
   cc -O2 -o smtpsink smtpsink.c && ./smtpsink [PORT] */
#include "sink.h"

static void greet(Connection *c) { say_text(c, "220 sink ESMTP\r\n"); }

/* Returns 0 where the message's end is not there yet. */
static int take_message(Connection *c) {
    /* The end may have begun within the last four bytes looked at; a message of a lone dot begins with its end. */
    size_t from = c->scanned > c->start + 4 ? c->scanned - 4 : c->start;
    char *end = memmem(c->in + from, c->end - from, "\r\n.\r\n", 5);
    size_t skip = 5;
    if (c->end - c->start >= 3 && !memcmp(c->in + c->start, ".\r\n", 3)) {
        end = c->in + c->start;
        skip = 3;
    }
    if (!end) {
        c->scanned = c->end;
        return 0;
    }
    bytes_in += end - (c->in + c->start);
    messages++;
    c->start = c->scanned = end + skip - c->in;
    c->in_message = 0;
    say_text(c, "250 2.0.0 Ok: queued as 4XYZ\r\n");
    return 1;
}

/* Returns 0 where the connection is over. */
static int take_command(Connection *c, const char *line) {
    if (!strncasecmp(line, "EHLO", 4)) {
        say_text(c, "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n");
    } else if (!strncasecmp(line, "DATA", 4)) {
        c->in_message = 1;
        c->scanned = c->start;
        calls++;
        say_text(c, "354 End with a dot\r\n");
    } else if (!strncasecmp(line, "QUIT", 4)) {
        say_text(c, "221 2.0.0 Bye\r\n");
        return 0;
    } else {
        say_text(c, "250 2.1.0 Ok\r\n");
    }
    return 1;
}

static int consume(Connection *c) {
    while (c->start < c->end) {
        if (c->in_message) {
            if (!take_message(c)) return 1;
            continue;
        }
        char *line = c->in + c->start, *end = memchr(line, '\n', c->end - c->start);
        if (!end) return 1;
        c->start = end + 1 - c->in;
        if (!take_command(c, line)) return 0;
    }
    return 1;
}

int main(int argc, char **argv) { return run(argc > 1 ? atoi(argv[1]) : 0); }
