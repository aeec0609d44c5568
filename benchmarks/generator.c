/* A load generator for gRPC over plaintext HTTP/2, in one thread, so that the server is the bottleneck.
 *
 *   generator streams PORT FILE RATE WARM SECONDS   one connection and one stream per line of FILE
 *   generator calls   PORT FILE 0    WARM SECONDS   one connection and one unary call after the other per line
 *   generator windows PORT FILE SIZE WARM SECONDS   one connection and one stream per line, SIZE requests under way on each
 *
 * A line of FILE is "PATH TOKEN FIRST NEXT": the method, the bearer token or "-", the message that opens the stream and
 * the message that is repeated on it (RATE a second over all streams), both in hexadecimal or "-". Sixteen '#' in a
 * message are replaced by a fresh request id. Of a window, each message holds as many requests as there is room for, and an
 * answer as many answers as it has parts in field 1. Of other streams, one that holds several updates of a queue is so many.
 *
 * It writes a JSON line when all streams have had an answer ("attached"), when it begins to measure ("measuring"), when
 * it ends ("measured") and with the figures. Latencies are from a message to the next answer on its stream; where an
 * answer holds "@ns=" and a time, from that time (CLOCK_MONOTONIC, nanoseconds).
 *
 * HTTP/2 as far as this needs: headers without compression, and no account of the peer's flow control window, because
 * the messages are small. What a server says in headers is not read: a call that ends without an answer is an error.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, PING = 6, GOAWAY = 7, WINDOW_UPDATE = 8 };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4, FRAME_HEADER = 9, GRPC_HEADER = 5 };
#define WINDOW (1u << 30)
#define AT_A_TIME 256 /* connections that are being opened */
static const char MARK[] = "@ns=";
static const char ID[] = "################";

typedef struct { uint8_t *bytes; size_t length, room; } Buffer;

typedef struct {
    int fd, open, answered, waits_to_write;
    uint32_t stream, unacknowledged;
    uint64_t sent_at;
    uint64_t *times, next_time, last; /* of what is under way in a window */
    char *path, *token;
    Buffer first, next; /* messages */
    Buffer in, out, answer;
} Connection;

static Connection *connections;
static int count, begun, attached, poller, port, calls, window, measuring;
static uint64_t sent, answers, errors, received_bytes, next_id;
static uint32_t *latencies; /* microseconds */
static size_t latency_count, latency_room;

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void fail(const char *what) {
    fprintf(stderr, "generator: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void failed(const char *what) { /* says the first only */
    if (!errors++) fprintf(stderr, "generator: %s\n", what);
}

static void append(Buffer *buffer, const void *bytes, size_t length) {
    if (buffer->length + length > buffer->room) {
        buffer->room = 2 * (buffer->length + length) + 64;
        buffer->bytes = realloc(buffer->bytes, buffer->room);
        if (!buffer->bytes) fail("memory");
    }
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
}

static void drop(Buffer *buffer, size_t length) {
    memmove(buffer->bytes, buffer->bytes + length, buffer->length - length);
    buffer->length -= length;
}

static void record(uint64_t since) {
    if (!measuring) return;
    if (latency_count == latency_room) {
        latency_room = latency_room ? 2 * latency_room : 1 << 16;
        latencies = realloc(latencies, latency_room * sizeof *latencies);
        if (!latencies) fail("memory");
    }
    latencies[latency_count++] = (uint32_t)((now() - since) / 1000);
}

/* Frames out */

static void frame(Connection *c, uint8_t type, uint8_t flags, uint32_t stream, const void *payload, size_t length) {
    uint8_t head[FRAME_HEADER] = {(uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length, type, flags,
                                  (uint8_t)(stream >> 24), (uint8_t)(stream >> 16), (uint8_t)(stream >> 8), (uint8_t)stream};
    append(&c->out, head, sizeof head);
    append(&c->out, payload, length);
}

static void number(uint8_t *to, uint32_t value) {
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void window_update(Connection *c, uint32_t stream, uint32_t by) {
    uint8_t payload[4];
    number(payload, by);
    frame(c, WINDOW_UPDATE, 0, stream, payload, sizeof payload);
}

static void text(Buffer *block, const char *value) { /* lengths under 127, not Huffman coded */
    uint8_t length = (uint8_t)strlen(value);
    append(block, &length, 1);
    append(block, value, length);
}

static void header(Buffer *block, const char *name, const char *value) { /* literal, never indexed */
    append(block, "\x10", 1);
    text(block, name);
    text(block, value);
}

static void open_stream(Connection *c) {
    static Buffer block;
    block.length = 0;
    append(&block, "\x83\x86", 2); /* :method POST, :scheme http */
    header(&block, ":path", c->path);
    header(&block, ":authority", "127.0.0.1");
    header(&block, "content-type", "application/grpc");
    header(&block, "te", "trailers");
    if (strcmp(c->token, "-")) header(&block, "authorization", c->token);
    c->stream = c->stream ? c->stream + 2 : 1;
    c->open = 1;
    c->answered = 0;
    c->answer.length = 0;
    frame(c, HEADERS, END_HEADERS, c->stream, block.bytes, block.length);
}

static void message(Connection *c, const Buffer *body, uint8_t flags) {
    static Buffer payload;
    uint8_t head[GRPC_HEADER] = {0};
    number(head + 1, (uint32_t)body->length);
    payload.length = 0;
    append(&payload, head, sizeof head);
    append(&payload, body->bytes, body->length);
    uint8_t *id = payload.bytes, *end = payload.bytes + payload.length;
    while ((id = memmem(id, (size_t)(end - id), ID, sizeof ID - 1))) {
        char fresh[sizeof ID];
        snprintf(fresh, sizeof fresh, "%016lx", (unsigned long)++next_id);
        memcpy(id, fresh, sizeof ID - 1);
    }
    frame(c, DATA, flags, c->stream, payload.bytes, payload.length);
    c->sent_at = now();
    sent++;
}

/* Windows: requests are answered in the order in which they are sent, or nearly. Each is timed by the oldest that waits. */

static void requests(Connection *c, int several) {
    static Buffer body;
    body.length = 0;
    for (int i = 0; i < several; i++) {
        append(&body, c->first.bytes, c->first.length);
        c->times[c->last++ % (uint64_t)window] = now();
    }
    message(c, &body, 0);
    sent += (uint64_t)several - 1;
}

static int parts(const uint8_t *body, size_t length) { /* of a message with nothing but field 1, repeated */
    int found = 0;
    for (size_t at = 0; at < length && body[at] == 0x0a; found++) {
        size_t size = 0;
        int shift = 0;
        do size |= (size_t)(body[++at] & 0x7f) << shift, shift += 7;
        while (body[at] & 0x80);
        at += 1 + size;
    }
    return found;
}

static int updates(const uint8_t *body, size_t length) { /* of an answer of WatchQueue: it may hold several, in field 5 */
    size_t at = 1;
    if (!length || body[0] != 0x2a) return 1;
    while (at < length && body[at] & 0x80) at++;
    int several = at < length ? parts(body + at + 1, length - at - 1) : 0;
    return several ? several : 1;
}

static void begin(Connection *c) {
    open_stream(c);
    if (window) {
        c->times = calloc((size_t)window, sizeof *c->times);
        requests(c, window);
    } else {
        message(c, &c->first, calls ? END_STREAM : 0);
    }
}

static void flush(Connection *c) {
    size_t done = 0;
    while (done < c->out.length) {
        ssize_t n = send(c->fd, c->out.bytes + done, c->out.length - done, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) { failed("a connection could not be written to"); close(c->fd); c->fd = -1; return; }
        done += (size_t)n;
    }
    drop(&c->out, done);
    int waits = c->out.length > 0;
    if (waits != c->waits_to_write) {
        struct epoll_event event = {.events = EPOLLIN | (waits ? EPOLLOUT : 0), .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
        c->waits_to_write = waits;
    }
}

/* Frames in */

static void answered(Connection *c, const uint8_t *body, size_t length) {
    if (window) {
        int several = parts(body, length);
        if (!c->answered++) attached++;
        answers += (uint64_t)several;
        for (int i = 0; i < several; i++) record(c->times[c->next_time++ % (uint64_t)window]);
        requests(c, several);
        return;
    }
    uint8_t *mark = memmem(body, length, MARK, sizeof MARK - 1);
    if (!c->answered++ && !calls) {
        attached++;
        return; /* what opens a stream is no answer to the load */
    }
    if (calls && attached < count) attached++;
    answers += calls ? 1 : (uint64_t)updates(body, length);
    record(mark ? strtoull((char *)mark + sizeof MARK - 1, NULL, 10) : c->sent_at);
}

static void on_data(Connection *c, const uint8_t *payload, size_t length) {
    received_bytes += length;
    c->unacknowledged += (uint32_t)length;
    if (c->unacknowledged > WINDOW / 4) {
        window_update(c, 0, c->unacknowledged);
        if (!calls) window_update(c, c->stream, c->unacknowledged);
        c->unacknowledged = 0;
    }
    append(&c->answer, payload, length);
    while (c->answer.length >= GRPC_HEADER) {
        uint8_t *b = c->answer.bytes;
        size_t body = (size_t)b[1] << 24 | (size_t)b[2] << 16 | (size_t)b[3] << 8 | b[4];
        if (c->answer.length < GRPC_HEADER + body) return;
        answered(c, b + GRPC_HEADER, body);
        drop(&c->answer, GRPC_HEADER + body);
    }
}

static void on_frame(Connection *c, uint8_t type, uint8_t flags, uint32_t stream, const uint8_t *payload, size_t length) {
    if (type == DATA && stream == c->stream) on_data(c, payload, length);
    if (type == SETTINGS && !(flags & ACK)) frame(c, SETTINGS, ACK, 0, NULL, 0);
    if (type == PING && !(flags & ACK)) frame(c, PING, ACK, 0, payload, length);
    if (type == GOAWAY) failed("a connection was closed (GOAWAY)");
    int ends = type == RST_STREAM || ((type == DATA || type == HEADERS) && (flags & END_STREAM));
    if (ends && stream == c->stream && c->open) {
        c->open = 0;
        if (!calls || !c->answered) failed(type == RST_STREAM ? "a stream was reset" : "a stream ended");
        if (calls) begin(c);
    }
}

static void receive(Connection *c) {
    uint8_t chunk[65536];
    ssize_t n;
    while ((n = recv(c->fd, chunk, sizeof chunk, 0)) > 0) append(&c->in, chunk, (size_t)n);
    if (n == 0 || errno != EAGAIN) { failed("a connection was lost"); close(c->fd); c->fd = -1; return; }
    size_t at = 0;
    while (c->in.length - at >= FRAME_HEADER) {
        uint8_t *b = c->in.bytes + at;
        size_t length = (size_t)b[0] << 16 | (size_t)b[1] << 8 | b[2];
        if (c->in.length - at < FRAME_HEADER + length) break;
        uint32_t stream = ((uint32_t)b[5] << 24 | (uint32_t)b[6] << 16 | (uint32_t)b[7] << 8 | b[8]) & 0x7fffffff;
        on_frame(c, b[3], b[4], stream, b + FRAME_HEADER, length);
        at += FRAME_HEADER + length;
    }
    drop(&c->in, at);
    flush(c);
}

/* The run */

static void connect_one(Connection *c) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) fail("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) fail("connect");
    append(&c->out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    uint8_t setting[6] = {0, 4}; /* SETTINGS_INITIAL_WINDOW_SIZE */
    number(setting + 2, WINDOW);
    frame(c, SETTINGS, 0, 0, setting, sizeof setting);
    window_update(c, 0, WINDOW - 65535);
    begin(c);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    c->waits_to_write = 1;
    if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event) < 0) fail("epoll");
}

static void poll_until(uint64_t deadline) {
    struct epoll_event events[512];
    uint64_t t = now();
    int wait = t >= deadline ? 0 : (int)((deadline - t) / 1000000);
    int n = epoll_wait(poller, events, 512, wait);
    for (int i = 0; i < n; i++) {
        Connection *c = events[i].data.ptr;
        if (c->fd >= 0 && events[i].events & EPOLLOUT) flush(c);
        if (c->fd >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(c);
    }
}

static void load(double rate, double seconds) {
    static int turn;
    uint64_t start = now(), end = start + (uint64_t)(seconds * 1e9), said = 0;
    while (now() < end) {
        uint64_t due = rate > 0 ? (uint64_t)((double)(now() - start) / 1e9 * rate) : 0;
        for (; said < due; said++) {
            Connection *c = &connections[turn++ % count];
            if (c->fd < 0 || !c->open) continue;
            message(c, &c->next, 0);
            flush(c);
        }
        uint64_t soon = rate > 0 ? now() + 1000000 : end;
        poll_until(soon < end ? soon : end);
    }
}

static Buffer unhex(const char *digits) {
    Buffer found = {0};
    if (!strcmp(digits, "-")) return found;
    for (size_t i = 0; digits[i] && digits[i + 1]; i += 2) {
        char pair[3] = {digits[i], digits[i + 1], 0};
        uint8_t byte = (uint8_t)strtoul(pair, NULL, 16);
        append(&found, &byte, 1);
    }
    return found;
}

static void read_lines(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) fail(path);
    char *line = NULL, method[256], token[256], bearer[300];
    size_t room = 0;
    while (getline(&line, &room, file) > 0) {
        char *first = malloc(room), *next = malloc(room);
        if (!first || !next || sscanf(line, "%255s %255s %s %s", method, token, first, next) != 4) fail("a line of the file");
        connections = realloc(connections, (size_t)(count + 1) * sizeof *connections);
        if (!connections) fail("memory");
        snprintf(bearer, sizeof bearer, "Bearer %s", token);
        connections[count++] = (Connection){.path = strdup(method), .token = strdup(strcmp(token, "-") ? bearer : "-"),
                                            .first = unhex(first), .next = unhex(next)};
        free(first);
        free(next);
    }
    free(line);
    fclose(file);
}

static void say(const char *event) {
    printf("{\"event\": \"%s\", \"at\": %.6f}\n", event, (double)now() / 1e9);
    fflush(stdout);
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double percentile(double part) {
    return latency_count ? latencies[(size_t)(part * (double)(latency_count - 1))] / 1000.0 : 0;
}

int main(int argc, char **argv) {
    if (argc != 7) {
        fprintf(stderr, "usage: generator streams|calls|windows PORT FILE RATE WARM SECONDS\n");
        return 2;
    }
    calls = !strcmp(argv[1], "calls");
    if (!strcmp(argv[1], "windows")) window = atoi(argv[4]);
    port = atoi(argv[2]);
    read_lines(argv[3]);
    next_id = now();
    poller = epoll_create1(0);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    say("begun");
    while (attached < count && !errors) {
        while (begun < count && begun - attached < AT_A_TIME) connect_one(&connections[begun++]);
        poll_until(now() + 100000000);
    }
    say("attached");
    load(window ? 0 : atof(argv[4]), atof(argv[5]));
    sent = answers = received_bytes = 0;
    measuring = 1;
    uint64_t start = now();
    say("measuring");
    load(window ? 0 : atof(argv[4]), atof(argv[6]));
    double elapsed = (double)(now() - start) / 1e9;
    say("measured");
    qsort(latencies, latency_count, sizeof *latencies, ascending);
    printf("{\"event\": \"figures\", \"seconds\": %.3f, \"sent\": %lu, \"answers\": %lu, \"errors\": %lu, \"bytes\": %lu, "
           "\"p50_ms\": %.3f, \"p99_ms\": %.3f}\n",
           elapsed, (unsigned long)sent, (unsigned long)answers, (unsigned long)errors, (unsigned long)received_bytes,
           percentile(.5), percentile(.99));
    fflush(stdout);
    while (getchar() != EOF) {} /* that all connections close is work for the server, which the caller waits with */
    return errors > 0;
}
