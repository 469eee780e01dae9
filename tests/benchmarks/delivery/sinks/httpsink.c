/* The HTTP interfaces of Mailgun, Postmark, Resend and Brevo, as far as Anymail reads their answers: everything is
   accepted, nothing kept.   cc -O2 -o httpsink httpsink.c && ./httpsink [PORT] */
#include "sink.h"

static Connection answer; /* its `out` is the answer's body */

static void greet(Connection *c) { (void)c; }

/* Finds the next value of a JSON key, written with or without a space, before `end`. */
static char *next_value(char *from, char *end, const char *key) {
    char *found = from < end ? memmem(from, end - from, key, strlen(key)) : NULL;
    if (!found) return NULL;
    found += strlen(key);
    while (found < end && *found == ' ') found++;
    return found;
}

static void each(char *body, char *end, const char *key, const char *item) {
    int first = 1;
    for (char *at = body; (at = next_value(at, end, key)); messages++) {
        if (!first) say_text(&answer, ",");
        first = 0;
        say_text(&answer, item);
    }
}

static void answer_postmark(char *body, char *end, int is_batch) {
    if (is_batch) say_text(&answer, "[");
    int first = 1;
    for (char *at = body; (at = next_value(at, end, "\"To\":")); messages++) {
        char *close = memchr(at + 1, '"', end - at - 1);
        if (!close) break;
        if (!first) say_text(&answer, ",");
        first = 0;
        say_text(&answer, "{\"ErrorCode\":0,\"Message\":\"OK\",\"MessageID\":\"b7bc2f4a-e38e-4336-af7d-e6c392c2f817\",\"To\":");
        say(&answer, at, close + 1 - at);
        say_text(&answer, "}");
    }
    if (is_batch) say_text(&answer, "]");
}

static void answer_brevo(char *body, char *end) {
    char *versions = memmem(body, end - body, "\"messageVersions\"", 17);
    say_text(&answer, versions ? "{\"messageIds\":[" : "{\"messageId\":");
    each(versions ? versions : body, end, "\"to\":", "\"<202511220000.1@smtp-relay.example>\"");
    say_text(&answer, versions ? "]}" : "}");
}

static void answer_mailgun(char *body, char *end) {
    /* Recipients are not counted where the form is urlencoded: those of a merged call are in multipart. */
    unsigned long long before = messages;
    for (char *at = body; (at = next_value(at, end, "name=\"to\""));) messages++;
    if (messages == before) messages++;
    say_text(&answer, "{\"id\":\"<20251122.1@mg.example>\",\"message\":\"Queued. Thank you.\"}");
}

static void respond(Connection *c, char *path, char *body, char *end) {
    const char *status = "200 OK";
    answer.out_end = 0;
    calls++;
    bytes_in += end - body;
    if (strstr(path, "/emails/batch")) {
        say_text(&answer, "{\"data\":[");
        each(body, end, "\"to\":", "{\"id\":\"49a3999c-0ce1-4ea6-ab68-afcd6dc2e794\"}");
        say_text(&answer, "]}");
    } else if (strstr(path, "/emails")) {
        each(body, end, "\"to\":", "{\"id\":\"49a3999c-0ce1-4ea6-ab68-afcd6dc2e794\"}");
    } else if (strstr(path, "/smtp/email")) {
        status = "201 Created";
        answer_brevo(body, end);
    } else if (strstr(path, "/email")) {
        answer_postmark(body, end, strstr(path, "/batch") != NULL);
    } else {
        answer_mailgun(body, end);
    }
    char head[256];
    const char *form = "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n";
    say(c, head, snprintf(head, sizeof head, form, status, answer.out_end));
    say(c, answer.out, answer.out_end);
}

/* Returns the bytes of the request's head, or 0 where it is not whole; then `need` is set. */
static size_t read_head(Connection *c) {
    char *head = c->in + c->start, *end = memmem(head, c->end - c->start, "\r\n\r\n", 4);
    if (!end) return 0;
    *end = 0;
    char *length = strcasestr(head, "\r\ncontent-length:");
    c->need = end + 4 - head + (length ? strtoull(length + 17, 0, 10) : 0);
    *end = '\r';
    return end + 4 - head;
}

static int consume(Connection *c) {
    while (c->start < c->end) {
        /* The head is read again only once the whole request is there. */
        if (c->need && c->end - c->start < c->need) return 1;
        size_t head = read_head(c);
        if (!head || c->end - c->start < c->need) return 1;
        char path[512] = "", *request = c->in + c->start;
        sscanf(request, "%*s %511s", path);
        respond(c, path, request + head, request + c->need);
        c->start += c->need;
        c->need = 0;
    }
    return 1;
}

int main(int argc, char **argv) { return run(argc > 1 ? atoi(argv[1]) : 0); }
