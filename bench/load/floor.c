// What one acknowledged write must cost on this machine: a client sends a request over loopback, a server appends its
// bytes to a preallocated file, syncs the file, and answers. One request at a time; prints one line of JSON.
//
//   floor --file PATH [--bytes 100] [--seconds 3] [--warmup 0.5] [--sync 1]
//
// --sync 0 leaves the disk out: what remains is the round trip.
#define _GNU_SOURCE
#include "histogram.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FILE_SIZE = 64 << 20, BYTES_MAX = 1 << 20 };

static const char *file;
static int bytes = 100, sync_each = 1;
static double seconds = 3, warmup = 0.5;
static unsigned char block[BYTES_MAX];

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int read_all(int fd, void *into, size_t count) {
  for (size_t done = 0; done < count;) {
    ssize_t n = read(fd, (char *)into + done, count - done);
    if (n <= 0) return 0;
    done += (size_t)n;
  }
  return 1;
}

static void no_delay(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void serve(int listener) {
  int client = accept(listener, NULL, NULL), log = open(file, O_CREAT | O_RDWR | O_TRUNC, 0600);
  if (client < 0 || log < 0) fail(file);
  no_delay(client);
  if (posix_fallocate(log, 0, FILE_SIZE) != 0 || fsync(log) != 0) fail("preallocate");
  off_t at = 0;
  if (write(client, block, 1) != 1) fail("write"); // ready
  while (read_all(client, block, (size_t)bytes)) {
    if (at + bytes > FILE_SIZE) at = 0;
    if (pwrite(log, block, (size_t)bytes, at) != bytes) fail("pwrite");
    at += bytes;
    if (sync_each && fdatasync(log) != 0) fail("fdatasync");
    if (write(client, block, (size_t)bytes) != bytes) fail("write");
  }
  unlink(file);
  exit(0);
}

int main(int count, char **words) {
  for (int i = 1; i + 1 < count; i += 2) {
    if (!strcmp(words[i], "--file")) file = words[i + 1];
    else if (!strcmp(words[i], "--bytes")) bytes = atoi(words[i + 1]);
    else if (!strcmp(words[i], "--seconds")) seconds = atof(words[i + 1]);
    else if (!strcmp(words[i], "--warmup")) warmup = atof(words[i + 1]);
    else if (!strcmp(words[i], "--sync")) sync_each = atoi(words[i + 1]);
  }
  if (file == NULL || bytes < 1 || bytes > BYTES_MAX) return fprintf(stderr, "floor: --file and 1..1048576 --bytes\n"), 2;

  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (void *)&address, size) || listen(listener, 1) || getsockname(listener, (void *)&address, &size))
    fail("listen");
  pid_t server = fork();
  if (server == 0) serve(listener);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (void *)&address, size)) fail("connect");
  no_delay(fd);
  if (!read_all(fd, block, 1)) fail("server");

  static histogram latencies;
  uint64_t start = now_ns(), warm = start + (uint64_t)(warmup * 1e9), stop = warm + (uint64_t)(seconds * 1e9);
  for (uint64_t asked = now_ns(); asked < stop;) {
    if (write(fd, block, (size_t)bytes) != bytes || !read_all(fd, block, (size_t)bytes)) fail("round trip");
    uint64_t answered = now_ns();
    if (asked >= warm) histogram_add(&latencies, answered - asked);
    asked = answered;
  }
  close(fd);
  waitpid(server, NULL, 0);
  printf("{\"bytes\":%d,\"sync\":%s,\"operations\":%llu,\"latencyUs\":{\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,"
         "\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}}\n",
         bytes, sync_each ? "true" : "false", (unsigned long long)latencies.count,
         (double)latencies.sum / (double)latencies.count / 1e3, (double)histogram_percentile(&latencies, 50) / 1e3,
         (double)histogram_percentile(&latencies, 90) / 1e3, (double)histogram_percentile(&latencies, 99) / 1e3,
         (double)histogram_percentile(&latencies, 99.9) / 1e3, (double)latencies.max / 1e3);
  return 0;
}
