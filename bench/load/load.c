// A load generator for ZooKeeper's client protocol: one thread, one epoll, many connections, each with a fixed number of
// requests outstanding (closed loop). It checks that replies come in order and prints one line of JSON.
//
//   load --servers HOST:PORT[,HOST:PORT...] --op get|set|create|create-sequential|mix|ping
//        [--connections 50] [--outstanding 1] [--seconds 3] [--warmup 0.5] [--bytes 100]
//        [--pace-ms N]   a request a connection every N ms at most, instead of as fast as replies come
//        [--count N]     create: end after N operations instead of --seconds, 1000 nodes to a folder, no warm-up
//        [--root PATH]   where to work; by default a fresh node for each run
//        [--pids N,N]    processes whose processor time during the measurement is reported
//        [--keep 1]      leave the nodes standing; by default they are deleted after the measurement
//
// mix is 70 % get, 30 % set. Each connection has a node of its own for get and set. `create` makes nodes side by side.
#define _GNU_SOURCE
#include "histogram.h"
#include "wire.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SERVERS_MAX = 32, OUTSTANDING_MAX = 4096, EVENTS_MAX = 256, READ_SIZE = 256 * 1024, PER_FOLDER = 1000 };
enum { SESSION_TIMEOUT_MS = 30000, STALL_MS = 30000, SPARE_MS = 2000 };

typedef struct {
  int fd, waits_for_room;
  uint32_t index, asked, answered; // requests sent and replies seen: xid = count, 1 the first
  uint32_t random;
  buffer in, out, set_frame, get_frame;
  uint64_t sent_at[OUTSTANDING_MAX];
} connection;

static struct {
  const char *servers, *op, *root, *pids;
  int connections, outstanding, bytes, pace_ms, keep;
  double seconds, warmup;
  uint64_t count;
} options = {.op = "set", .connections = 50, .outstanding = 1, .bytes = 100, .seconds = 3, .warmup = 0.5};

static connection *connections;
static histogram latencies;
static uint64_t errors, created, deleted, answered_total, begun_total;
static int sequential, in_folders;
static char root[256];
static char *value;
static int poller;

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static void refuse(const char *why) {
  fprintf(stderr, "load: %s\n", why);
  exit(2);
}

/** Processor seconds that the watched processes have used so far. */
static double watched_cpu_seconds(void) {
  double sum = 0;
  char path[64], text[1024];
  for (const char *at = options.pids; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
    snprintf(path, sizeof path, "/proc/%d/stat", atoi(at));
    FILE *file = fopen(path, "r");
    if (file == NULL) fail(path);
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = 0;
    unsigned long user = 0, kernel = 0;
    const char *after_name = strrchr(text, ')'); // the name itself may hold spaces
    if (after_name) sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel);
    sum += (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
  }
  return sum;
}

// ---- connections ----

static void write_all(int fd, const buffer *b) {
  for (size_t done = 0; done < b->length;) {
    ssize_t n = write(fd, b->bytes + done, b->length - done);
    if (n <= 0) fail("write");
    done += (size_t)n;
  }
}

static void read_all(int fd, unsigned char *into, size_t count) {
  for (size_t done = 0; done < count;) {
    ssize_t n = read(fd, into + done, count - done);
    if (n < 0) fail("read");
    if (n == 0) refuse("the server closed a connection during the setup");
    done += (size_t)n;
  }
}

/** The path of a created node. A fresh parent numbers its children from 0; each connection's own node came first. */
static void created_path(char *path, size_t size, uint64_t serial) {
  unsigned long long n = serial;
  if (sequential) snprintf(path, size, "%s/s-%010llu", root, n + (unsigned)options.connections);
  else if (in_folders) snprintf(path, size, "%s/d%llu/n%llu", root, n / PER_FOLDER, n);
  else snprintf(path, size, "%s/n%llu", root, n);
}

/** Sends what stands in `out`, waits for one frame and gives its reply's error. */
static int32_t call(connection *c) {
  unsigned char length[4];
  write_all(c->fd, &c->out);
  c->out.length = 0;
  read_all(c->fd, length, 4);
  size_t count = (size_t)get_int(length);
  unsigned char *body = malloc(count);
  read_all(c->fd, body, count);
  int32_t error = count >= REPLY_HEADER ? get_int(body + 12) : 0;
  free(body);
  return error;
}

static void create_and_wait(connection *c, const char *path) {
  put_create(&c->out, path, value, (size_t)options.bytes, 0);
  set_int(c->out.bytes + XID_AT, (int32_t)++c->asked);
  int32_t error = call(c);
  c->answered = c->asked;
  if (error == 0 || error == NODE_EXISTS) return;
  fprintf(stderr, "load: create %s: error %d\n", path, error);
  exit(2);
}

static int dial(const char *server) {
  char host[64];
  const char *colon = strrchr(server, ':');
  if (colon == NULL || (size_t)(colon - server) >= sizeof host) refuse("a server is HOST:PORT, the host an IPv4 address");
  memcpy(host, server, (size_t)(colon - server));
  host[colon - server] = 0;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1))};
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) refuse("a server is HOST:PORT, the host an IPv4 address");
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  if (fd < 0 || connect(fd, (void *)&address, sizeof address) != 0) fail(server);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

static void connect_all(void) {
  char *servers[SERVERS_MAX], path[512];
  int count = 0;
  for (char *name = strtok(strdup(options.servers), ","); name; name = strtok(NULL, ",")) {
    if (count == SERVERS_MAX) refuse("too many servers");
    servers[count++] = name;
  }
  for (int i = 0; i < options.connections; i++) {
    connection *c = connections + i;
    c->index = (uint32_t)i;
    c->random = (uint32_t)i * 7919 + 1;
    c->fd = dial(servers[i % count]);
    put_connect(&c->out, SESSION_TIMEOUT_MS);
    call(c);
    if (i == 0) create_and_wait(c, root);
    snprintf(path, sizeof path, "%s/k%d", root, i);
    create_and_wait(c, path);
    put_set(&c->set_frame, path, value, (size_t)options.bytes);
    put_get(&c->get_frame, path);
  }
  if (options.count > 0) {
    for (uint64_t folder = 0; folder * PER_FOLDER < options.count; folder++) {
      snprintf(path, sizeof path, "%s/d%llu", root, (unsigned long long)folder);
      create_and_wait(connections, path);
    }
  }
  for (int i = 0; i < options.connections; i++) {
    connection *c = connections + i;
    c->asked = c->answered = 0;
    reserve(&c->in, READ_SIZE);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event interest = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &interest);
  }
}

// ---- requests ----

static void put_operation(connection *c) {
  char path[512];
  char kind = options.op[0] == 'c' ? (options.op[6] ? 'q' : 'c') : options.op[0];
  if (kind == 'm') {
    c->random = c->random * 1664525u + 1013904223u;
    kind = (c->random >> 16) % 10 < 7 ? 'g' : 's';
  }
  switch (kind) {
  case 'g': put_raw(&c->out, c->get_frame.bytes, c->get_frame.length); break;
  case 's': put_raw(&c->out, c->set_frame.bytes, c->set_frame.length); break;
  case 'p': put_bare(&c->out, PING_XID, PING); break;
  case 'q':
    created++;
    snprintf(path, sizeof path, "%s/s-", root);
    put_create(&c->out, path, value, (size_t)options.bytes, SEQUENTIAL);
    break;
  case 'd':
    created_path(path, sizeof path, deleted++);
    put_delete(&c->out, path);
    break;
  default:
    created_path(path, sizeof path, created++);
    put_create(&c->out, path, value, (size_t)options.bytes, 0);
  }
}

static void request(connection *c, uint64_t at) {
  size_t start = c->out.length;
  put_operation(c);
  c->asked++;
  begun_total++;
  if (options.op[0] != 'p') set_int(c->out.bytes + start + XID_AT, (int32_t)(c->asked & 0x7fffffff));
  c->sent_at[c->asked % OUTSTANDING_MAX] = at;
}

static void flush(connection *c) {
  size_t done = 0;
  while (done < c->out.length) {
    ssize_t n = write(c->fd, c->out.bytes + done, c->out.length - done);
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) fail("write");
    done += (size_t)n;
  }
  memmove(c->out.bytes, c->out.bytes + done, c->out.length - done);
  c->out.length -= done;
  if ((c->out.length > 0) == c->waits_for_room) return;
  c->waits_for_room = c->out.length > 0;
  struct epoll_event interest = {.events = EPOLLIN | (c->waits_for_room ? EPOLLOUT : 0), .data.ptr = c};
  epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &interest);
}

// ---- replies ----

static void on_reply(connection *c, const unsigned char *body, uint64_t at) {
  int32_t xid = get_int(body);
  if (xid == -1) return; // a notification
  uint32_t expected = ++c->answered;
  if (options.op[0] != 'p' && (uint32_t)xid != (expected & 0x7fffffff)) {
    fprintf(stderr, "load: reply out of order: xid %d instead of %u\n", xid, expected);
    exit(1);
  }
  if (get_int(body + 12) != 0) errors++;
  answered_total++;
  histogram_add(&latencies, at - c->sent_at[expected % OUTSTANDING_MAX]);
}

/** Takes what has come; false when the server has closed the connection. */
static int receive(connection *c) {
  for (;;) {
    reserve(&c->in, READ_SIZE);
    ssize_t n = read(c->fd, c->in.bytes + c->in.length, READ_SIZE);
    if (n < 0 && errno == EAGAIN) return 1;
    if (n < 0) fail("read");
    if (n == 0) return 0;
    c->in.length += (size_t)n;
    uint64_t at = now_ns();
    size_t offset = 0;
    while (c->in.length - offset >= 4) {
      size_t count = (size_t)get_int(c->in.bytes + offset);
      if (c->in.length - offset < 4 + count) break;
      if (count >= REPLY_HEADER) on_reply(c, c->in.bytes + offset + 4, at);
      offset += 4 + count;
    }
    memmove(c->in.bytes, c->in.bytes + offset, c->in.length - offset);
    c->in.length -= offset;
    if (n < READ_SIZE) return 1;
  }
}

// ---- the run ----

static uint32_t room(const connection *c) {
  uint32_t flying = c->asked - c->answered, most = (uint32_t)options.outstanding;
  if (flying >= most) return 0;
  if (options.count == 0) return most - flying;
  uint64_t left = options.count - begun_total;
  return left < most - flying ? (uint32_t)left : most - flying;
}

static void refill(connection *c) {
  uint64_t at = now_ns();
  for (uint32_t i = room(c); i > 0; i--) request(c, at);
  flush(c);
}

/** Serves one round of events; `asking` says whether answered requests are followed by new ones. */
static void turn(int timeout_ms, int asking) {
  struct epoll_event events[EVENTS_MAX];
  int count = epoll_wait(poller, events, EVENTS_MAX, timeout_ms);
  for (int i = 0; i < count; i++) {
    connection *c = events[i].data.ptr;
    if ((events[i].events & ~(uint32_t)EPOLLOUT) && !receive(c)) {
      fprintf(stderr, "load: the server closed connection %u after %u replies\n", c->index, c->answered);
      exit(1);
    }
    if (asking) refill(c);
    else flush(c);
  }
}

typedef struct {
  double seconds, watched_cpu;
} span;

static span run(void) {
  double watched = watched_cpu_seconds();
  uint64_t start = now_ns(), measured_from = options.count ? start : 0, paced = 0, before = 0, stalled_at = start;
  uint64_t warm = start + (uint64_t)(options.warmup * 1e9), stop = warm + (uint64_t)(options.seconds * 1e9);
  for (uint64_t now = start; options.count ? answered_total < options.count : now < stop; now = now_ns()) {
    if (!measured_from && now >= warm) {
      measured_from = now;
      memset(&latencies, 0, sizeof latencies);
      errors = 0;
      watched = watched_cpu_seconds();
    }
    if (options.pace_ms == 0 && now == start)
      for (int i = 0; i < options.connections; i++) refill(connections + i);
    if (options.pace_ms > 0 && now >= paced) {
      for (int i = 0; i < options.connections; i++) refill(connections + i);
      paced = now + (uint64_t)options.pace_ms * 1000000;
    }
    turn(options.pace_ms > 0 ? 1 : 100, options.pace_ms == 0);
    if (answered_total != before) before = answered_total, stalled_at = now;
    else if (now - stalled_at > STALL_MS * 1000000ull) refuse("no reply for 30 s");
  }
  return (span){(double)(now_ns() - measured_from) / 1e9, watched_cpu_seconds() - watched};
}

static void drain(void) {
  uint64_t until = now_ns() + SPARE_MS * 1000000ull;
  for (int i = 0; i < options.connections; i++)
    while (connections[i].answered != connections[i].asked && now_ns() < until) turn(10, 0);
}

/** Deletes what the run created, so that the next one finds the server as this one did. */
static void delete_created(void) {
  if (created == 0) return;
  options.op = "delete";
  options.count = created;
  options.pace_ms = 0;
  if (options.outstanding < 20) options.outstanding = 20;
  begun_total = answered_total = 0;
  uint64_t before = errors;
  run();
  if (errors != before) fprintf(stderr, "load: %llu nodes could not be deleted\n", (unsigned long long)(errors - before));
  errors = before;
}

/** Ends the sessions, so that they do not expire in the middle of the next run. */
static void close_all(void) {
  for (int i = 0; i < options.connections; i++) {
    connection *c = connections + i;
    if (c->waits_for_room) continue;
    put_bare(&c->out, (int32_t)c->asked + 1, CLOSE_SESSION);
    fcntl(c->fd, F_SETFL, 0);
    write_all(c->fd, &c->out);
  }
  struct timeval patience = {.tv_sec = 1};
  for (int i = 0; i < options.connections; i++) {
    setsockopt(connections[i].fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    unsigned char rest[4096];
    while (read(connections[i].fd, rest, sizeof rest) > 0) continue;
  }
}

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

typedef struct {
  const char *op;
  int outstanding;
  double cpu;
  span span;
  uint64_t failed;
  histogram latencies;
} measurement;

static void report(const measurement *m) {
  const histogram *h = &m->latencies;
  printf("{\"op\":\"%s\",\"connections\":%d,\"outstanding\":%d,\"bytes\":%d,\"root\":\"%s\",\"seconds\":%.3f,"
         "\"operations\":%llu,\"perSecond\":%.1f,\"errors\":%llu,\"generatorCpuSeconds\":%.3f,\"watchedCpuSeconds\":%.3f,"
         "\"latencyUs\":{\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}}\n",
         m->op, options.connections, m->outstanding, options.bytes, root, m->span.seconds, (unsigned long long)h->count,
         (double)h->count / m->span.seconds, (unsigned long long)m->failed, m->cpu, m->span.watched_cpu,
         h->count ? (double)h->sum / (double)h->count / 1e3 : 0, (double)histogram_percentile(h, 50) / 1e3,
         (double)histogram_percentile(h, 90) / 1e3, (double)histogram_percentile(h, 99) / 1e3,
         (double)histogram_percentile(h, 99.9) / 1e3, (double)h->max / 1e3);
}

static void parse(int count, char **words) {
  const char *known[] = {"get", "set", "create", "create-sequential", "mix", "ping"};
  for (int i = 1; i + 1 < count; i += 2) {
    const char *name = words[i], *text = words[i + 1];
    if (!strcmp(name, "--servers")) options.servers = text;
    else if (!strcmp(name, "--op")) options.op = text;
    else if (!strcmp(name, "--root")) options.root = text;
    else if (!strcmp(name, "--pids")) options.pids = text;
    else if (!strcmp(name, "--connections")) options.connections = atoi(text);
    else if (!strcmp(name, "--outstanding")) options.outstanding = atoi(text);
    else if (!strcmp(name, "--bytes")) options.bytes = atoi(text);
    else if (!strcmp(name, "--pace-ms")) options.pace_ms = atoi(text);
    else if (!strcmp(name, "--keep")) options.keep = atoi(text);
    else if (!strcmp(name, "--seconds")) options.seconds = atof(text);
    else if (!strcmp(name, "--warmup")) options.warmup = atof(text);
    else if (!strcmp(name, "--count")) options.count = strtoull(text, NULL, 10);
    else refuse("unknown option; the top of load.c lists them");
  }
  if (count % 2 == 0 || options.servers == NULL) refuse("usage: load --servers HOST:PORT --op OP [--name value ...]");
  int found = 0;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) found |= !strcmp(options.op, known[i]);
  if (!found) refuse("unknown --op");
  if (options.connections < 1 || options.outstanding < 1 || options.outstanding >= OUTSTANDING_MAX || options.bytes < 0)
    refuse("an option is out of range");
  if (options.count > 0 && strcmp(options.op, "create")) refuse("--count goes with --op create");
  sequential = !strcmp(options.op, "create-sequential");
  in_folders = options.count > 0;
}

int main(int count, char **words) {
  parse(count, words);
  if (options.root) snprintf(root, sizeof root, "%s", options.root);
  else snprintf(root, sizeof root, "/load-%llx", (unsigned long long)now_ns());
  value = malloc((size_t)options.bytes + 1);
  memset(value, 'v', (size_t)options.bytes);
  connections = calloc((size_t)options.connections, sizeof *connections);
  poller = epoll_create1(0);
  connect_all();
  static measurement measured;
  measured.op = options.op;
  measured.outstanding = options.outstanding;
  measured.cpu = -cpu_seconds();
  measured.span = run();
  measured.cpu += cpu_seconds();
  measured.failed = errors;
  measured.latencies = latencies; // what is answered from here on is no part of the measurement
  drain();
  if (!options.keep) delete_created();
  close_all();
  report(&measured);
  return measured.failed > 0 ? 3 : 0;
}
