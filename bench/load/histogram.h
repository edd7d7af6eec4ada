// Latencies in nanoseconds, counted in buckets a 64th of their value wide: percentiles within 1.6 %, the maximum exact,
// a fixed amount of memory however long the run.
#ifndef HISTOGRAM_H
#define HISTOGRAM_H
#include <stdint.h>

enum { SUB_BITS = 6, SUB_BUCKETS = 1 << SUB_BITS, BUCKETS = (64 - SUB_BITS) * SUB_BUCKETS };

typedef struct {
  uint64_t counts[BUCKETS], count, sum, max;
} histogram;

static inline unsigned bucket_of(uint64_t value) {
  if (value < SUB_BUCKETS) return (unsigned)value;
  int shift = 63 - __builtin_clzll(value) - SUB_BITS;
  return (unsigned)((shift + 1) * SUB_BUCKETS + (value >> shift) - SUB_BUCKETS);
}

static inline uint64_t bucket_top(unsigned bucket) {
  if (bucket < SUB_BUCKETS) return bucket;
  unsigned shift = bucket / SUB_BUCKETS - 1;
  return ((uint64_t)(bucket % SUB_BUCKETS + SUB_BUCKETS + 1) << shift) - 1;
}

static inline void histogram_add(histogram *h, uint64_t value) {
  h->counts[bucket_of(value)]++;
  h->count++;
  h->sum += value;
  if (value > h->max) h->max = value;
}

static inline uint64_t histogram_percentile(const histogram *h, double percentile) {
  uint64_t rank = (uint64_t)(percentile / 100 * (double)h->count), seen = 0;
  if (rank >= h->count) return h->max;
  for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
    seen += h->counts[bucket];
    if (seen > rank) return bucket_top(bucket) < h->max ? bucket_top(bucket) : h->max;
  }
  return h->max;
}
#endif
