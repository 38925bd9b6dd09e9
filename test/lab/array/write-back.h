/*
 * The write cache of a RAID box in front of its disks, as a unit that knows no clock, no thread and no file: whoever owns it
 * says what time it is. Times are nanoseconds of any clock that only goes forward; sizes are bytes.
 *
 * A write is acknowledged at once while the cache has room for the blocks of it that are not in there already; otherwise it waits,
 * first come, first served. The disks do one thing at a time: they destage a stripe of the cache, or serve a request of a
 * host, in turn when both wait. Reads of what is in the cache need no disk.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WB_LUNS = 256, WB_BLOCK = 4096, WB_STRIPE_BLOCKS = 16 };
static const uint64_t WB_NEVER = UINT64_MAX;

enum wb_destage {
  WB_ALWAYS,    /* as soon as anything is dirty */
  WB_WATERMARK, /* from `high` down to `low` */
  WB_IDLE,      /* when no host asked anything for `idle_ms` */
  WB_BURSTS,    /* for `burst_ms` of every `burst_every_ms` */
};

struct wb_parameters {
  double cache;       /* bytes */
  double drain;       /* bytes a second that whole stripes are destaged at */
  double read;        /* bytes a second that the disks read at */
  double seek_ms;     /* before a read that does not go on where the LUN's last one ended */
  double partial_ms;  /* more for a stripe that is not wholly dirty: RAID 5 reads what it lacks for the parity */
  double destage;     /* enum wb_destage. Whatever it is, a full cache is destaged. */
  double high, low;   /* fractions of the cache */
  double idle_ms;
  double burst_every_ms, burst_ms;
  double write_through; /* 1: a write is acknowledged when the disks have it */
  double rebuild;       /* share of the disks' time that a rebuild takes, below 1 */
  double freeze_luns;   /* 0: never. Nothing ends for `freeze_ms` when so many LUNs wrote much into a cache that is full */
  double freeze_after_ms, freeze_ms;
};

struct wb_request {
  unsigned lun;
  uint64_t offset, length;
  bool is_write;
  struct wb_request *next;
};

struct wb_queue {
  struct wb_request *first, **last;
};

struct wb_lun {
  uint64_t *dirty; /* a bit a block */
  uint64_t words, dirty_blocks;
  uint64_t read_end, overflow_bytes;
};

struct wb_array {
  struct wb_parameters parameters;
  struct wb_lun luns[WB_LUNS];
  /* What the disks do until `busy_until`. */
  bool busy, host_turn, above;
  uint64_t busy_until, destaging;
  struct wb_request *serving;
  unsigned head_lun;
  uint64_t head_block;
  struct wb_queue waiting; /* writes without room */
  struct wb_queue hosts;   /* for the disks */
  struct wb_queue held;    /* ended by the disks while frozen */
  struct wb_queue ended;   /* the owner takes them from here */
  uint64_t now, last_request, last_wait, overflow_since, frozen_until;
  /* The truth, totals since the start. */
  uint64_t fill, written, admitted, drained, read, writes, reads;
  uint64_t overflows, overflow_ns, freezes, waiting_count, in_flight;
};

void wb_init(struct wb_array *array);
/* `cache=200e6,drain=8e6,destage=watermark`; `freeze=5000` freezes now. False and nothing changed: not understood. */
bool wb_set(struct wb_array *array, const char *text, uint64_t now);
/* Before the first request to a LUN of this size. False: no memory, or no such number. */
bool wb_add_lun(struct wb_array *array, unsigned lun, uint64_t bytes);
void wb_submit(struct wb_array *array, struct wb_request *request, uint64_t now);
/* Goes on to `now`. */
void wb_advance(struct wb_array *array, uint64_t now);
/* When something happens by itself next; WB_NEVER: not before the next request. */
uint64_t wb_next(const struct wb_array *array);
struct wb_request *wb_take_ended(struct wb_array *array);
/* The truth as the members of a JSON object. */
void wb_truth(const struct wb_array *array, char *text, size_t size);
