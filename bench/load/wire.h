// The few ZooKeeper requests that the generator sends, as bytes. A frame is a length and what it counts, big-endian;
// each request begins with its xid and opcode, each reply with its xid, zxid and error.
#ifndef WIRE_H
#define WIRE_H
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CREATE = 1, DELETE = 2, GET_DATA = 4, SET_DATA = 5, PING = 11, CLOSE_SESSION = -11 };
enum { PING_XID = -2, NODE_EXISTS = -110, SEQUENTIAL = 2 };
enum { REPLY_HEADER = 16, XID_AT = 4 };

typedef struct {
  unsigned char *bytes;
  size_t length, capacity;
} buffer;

static inline void fail(const char *what) {
  perror(what);
  exit(1);
}

static inline void reserve(buffer *b, size_t more) {
  if (b->length + more <= b->capacity) return;
  b->capacity = (b->length + more) * 2;
  b->bytes = realloc(b->bytes, b->capacity);
  if (b->bytes == NULL) fail("memory");
}

static inline void put_raw(buffer *b, const void *bytes, size_t count) {
  reserve(b, count);
  memcpy(b->bytes + b->length, bytes, count);
  b->length += count;
}

static inline void put_int(buffer *b, int32_t value) {
  uint32_t big = htonl((uint32_t)value);
  put_raw(b, &big, 4);
}

static inline void put_long(buffer *b, int64_t value) {
  put_int(b, (int32_t)(value >> 32));
  put_int(b, (int32_t)value);
}

static inline void put_bytes(buffer *b, const void *bytes, size_t count) {
  put_int(b, (int32_t)count);
  put_raw(b, bytes, count);
}

static inline void put_text(buffer *b, const char *text) { put_bytes(b, text, strlen(text)); }
static inline void put_bool(buffer *b, int value) { put_raw(b, value ? "\1" : "\0", 1); }

static inline void set_int(unsigned char *at, int32_t value) {
  uint32_t big = htonl((uint32_t)value);
  memcpy(at, &big, 4);
}

static inline int32_t get_int(const unsigned char *at) {
  uint32_t big;
  memcpy(&big, at, 4);
  return (int32_t)ntohl(big);
}

static inline size_t frame_begin(buffer *b) {
  put_int(b, 0);
  return b->length;
}

static inline void frame_end(buffer *b, size_t start) { set_int(b->bytes + start - 4, (int32_t)(b->length - start)); }

static inline void put_connect(buffer *b, int32_t timeout_ms) {
  const unsigned char password[16] = {0};
  size_t start = frame_begin(b);
  put_int(b, 0); // protocol version
  put_long(b, 0); // last zxid seen
  put_int(b, timeout_ms);
  put_long(b, 0); // a new session
  put_bytes(b, password, sizeof password);
  put_bool(b, 0); // read-only
  frame_end(b, start);
}

static inline void put_create(buffer *b, const char *path, const void *value, size_t bytes, int flags) {
  size_t start = frame_begin(b);
  put_int(b, 0);
  put_int(b, CREATE);
  put_text(b, path);
  put_bytes(b, value, bytes);
  put_int(b, 1); // one access rule: everything to everyone
  put_int(b, 31);
  put_text(b, "world");
  put_text(b, "anyone");
  put_int(b, flags);
  frame_end(b, start);
}

static inline void put_delete(buffer *b, const char *path) {
  size_t start = frame_begin(b);
  put_int(b, 0);
  put_int(b, DELETE);
  put_text(b, path);
  put_int(b, -1); // any version
  frame_end(b, start);
}

static inline void put_set(buffer *b, const char *path, const void *value, size_t bytes) {
  size_t start = frame_begin(b);
  put_int(b, 0);
  put_int(b, SET_DATA);
  put_text(b, path);
  put_bytes(b, value, bytes);
  put_int(b, -1); // any version
  frame_end(b, start);
}

static inline void put_get(buffer *b, const char *path) {
  size_t start = frame_begin(b);
  put_int(b, 0);
  put_int(b, GET_DATA);
  put_text(b, path);
  put_bool(b, 0);
  frame_end(b, start);
}

static inline void put_bare(buffer *b, int32_t xid, int32_t opcode) {
  size_t start = frame_begin(b);
  put_int(b, xid);
  put_int(b, opcode);
  frame_end(b, start);
}
#endif
